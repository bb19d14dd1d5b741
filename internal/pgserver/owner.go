package pgserver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/lullhq/lull/internal/hint"
)

// Owner is the user that servers run as and that their files belong to.
// The zero Owner is whoever runs Lull.
type Owner struct {
	UID, GID int
	Groups   []int // others it belongs to, such as the one that may read the TLS key
	Name     string
	Home     string
}

// defaultOwners are tried in this order when root names nobody.
var defaultOwners = []string{"postgres", "nobody"}

// OwnerNamed looks the user up. "" is the one for it on this machine.
// Only root can change user, so for anybody else it is the zero Owner.
func OwnerNamed(name string) (Owner, error) {
	if os.Geteuid() != 0 {
		return Owner{}, nil
	}
	if name != "" {
		return lookup(name)
	}
	for _, name := range defaultOwners {
		if o, err := lookup(name); err == nil {
			return o, nil
		}
	}
	return Owner{}, hint.Errorf("create a user for it (useradd --system postgres), or run Lull as an ordinary user",
		"choose a user for PostgreSQL, which does not run as root: no user is named postgres or nobody")
}

func lookup(name string) (Owner, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return Owner{}, hint.Wrap(fmt.Errorf("find the user to run PostgreSQL as: %w", err), "name an existing user as run_as in lull.yaml")
	}
	uid, errUID := strconv.Atoi(u.Uid)
	gid, errGID := strconv.Atoi(u.Gid)
	if err := errors.Join(errUID, errGID); err != nil {
		return Owner{}, fmt.Errorf("read the ids of user %s: %w", name, err)
	}
	if uid == 0 {
		return Owner{}, hint.Errorf("name an ordinary user as run_as in lull.yaml", "run PostgreSQL as %s: it refuses to run as root", name)
	}
	return Owner{UID: uid, GID: gid, Groups: groups(u), Name: u.Username, Home: home(u)}, nil
}

// groups are best effort: without them only files of those groups are out of reach.
func groups(u *user.User) []int {
	ids, err := u.GroupIds()
	if err != nil {
		return nil
	}
	var out []int
	for _, id := range ids {
		if n, err := strconv.Atoi(id); err == nil {
			out = append(out, n)
		}
	}
	return out
}

// home is a folder that exists: users such as nobody have none.
func home(u *user.User) string {
	if info, err := os.Stat(u.HomeDir); err == nil && info.IsDir() {
		return u.HomeDir
	}
	return "/"
}

func (o Owner) changes() bool { return o.UID != 0 }

// hides tells which variables speak of the caller and not of the owner.
func (o Owner) hides(name string) bool {
	switch name {
	case "LC_ALL":
		return true
	case "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_RUNTIME_DIR":
		return o.changes()
	}
	return false
}

func (o Owner) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{}
	tether(attr)
	if o.changes() {
		attr.Credential = &syscall.Credential{Uid: uint32(o.UID), Gid: uint32(o.GID)}
		for _, g := range o.Groups {
			attr.Credential.Groups = append(attr.Credential.Groups, uint32(g))
		}
	}
	return attr
}

// Own gives the files or folders themselves, not what is in them, to the owner.
func (o Owner) Own(paths ...string) error {
	if !o.changes() {
		return nil
	}
	for _, path := range paths {
		if err := os.Lchown(path, o.UID, o.GID); err != nil {
			return fmt.Errorf("give %s to user %s: %w", path, o.Name, err)
		}
	}
	return nil
}

// WriteFile writes a file that only the owner may read.
func (o Owner) WriteFile(path string, content []byte) error {
	f, err := o.open(path, os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write a file of the server: %w", err)
	}
	return nil
}

// open never follows a link: the folder is the owner's, and what root writes must not be
// led elsewhere by it.
func (o Owner) open(path string, flag int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|syscall.O_NOFOLLOW|flag, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open a file of the server: %w", err)
	}
	if o.changes() {
		if err := f.Chown(o.UID, o.GID); err != nil {
			return nil, errors.Join(fmt.Errorf("give %s to user %s: %w", path, o.Name, err), f.Close())
		}
	}
	return f, nil
}

// MkdirAll makes dir and the folders above it that do not exist, all the owner's.
// A folder that exists stays as it is and must be one that the owner can write to.
func (o Owner) MkdirAll(dir string) error {
	var missing []string
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(at); err == nil || at == filepath.Dir(at) {
			break
		} else if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("look for folder %s: %w", at, err)
		}
		missing = append(missing, at)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make folder %s: %w", dir, err)
	}
	if err := o.Own(missing...); err != nil {
		return err
	}
	return o.writable(dir)
}

// CanMake says whether MkdirAll would make dir, and changes nothing.
func (o Owner) CanMake(dir string) error {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(at); errors.Is(err, fs.ErrNotExist) && at != filepath.Dir(at) {
			continue
		}
		if at != dir && o.changes() {
			return o.may("enter", at, "-x", at) // root makes what is missing, and gives it away
		}
		return o.writable(at)
	}
}

// writable asks as the owner: the answer depends on every folder above, groups and access lists.
func (o Owner) writable(dir string) error {
	return o.may("write to", dir, "-w", dir, "-a", "-x", dir)
}

func (o Owner) may(what, dir string, test ...string) error {
	cmd := exec.Command("test", test...)
	cmd.Dir = "/"
	cmd.SysProcAttr = o.attributes()
	err := cmd.Run()
	if err == nil {
		return nil
	}
	who := o.Name
	if who == "" {
		who = "the user who runs Lull"
	}
	return hint.Wrap(fmt.Errorf("use folder %s: %s cannot %s it, or not enter a folder above it", dir, who, what),
		fmt.Sprintf("choose another folder, or let %s enter and write this one", who))
}

// MaxSocketDir is the room that a Unix socket's name leaves for its folder:
// 107 bytes in all, less "/.s.PGSQL.65535.lock".
const MaxSocketDir = 107 - 20

// TempDir makes a folder that only the owner can enter, with a path short enough for sockets.
func (o Owner) TempDir() (string, error) {
	var failed error
	for _, parent := range []string{os.TempDir(), "/tmp"} {
		dir, err := o.tempIn(parent)
		if err == nil {
			return dir, nil
		}
		failed = errors.Join(failed, err)
	}
	return "", failed
}

func (o Owner) tempIn(parent string) (string, error) {
	dir, err := os.MkdirTemp(parent, "lull")
	if err != nil {
		return "", fmt.Errorf("make a temporary folder: %w", err)
	}
	if len(dir) > MaxSocketDir {
		err = fmt.Errorf("use folder %s for sockets: its path is too long", dir)
	} else if err = o.Own(dir); err == nil {
		err = o.writable(dir)
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(dir))
	}
	return dir, nil
}
