package pgup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/hint"
)

// checkPlace looks at the machine that the target is built on.
func (u *Upgrade) checkPlace(ctx context.Context) []checks.Finding {
	out := on(AboutData, append(u.checkFolders(), u.checkDisk()...)...)
	out = append(out, on(AboutSocketDir, u.checkSocketDir()...)...)
	return append(out, on(AboutPort, u.checkPort(ctx)...)...)
}

func (u *Upgrade) checkFolders() (out []checks.Finding) {
	entries, err := os.ReadDir(u.Data)
	switch {
	case len(entries) > 0:
		out = append(out, blocker("target-folder", "Name an empty folder in target.data, or remove what is in this one.", "The target's folder %s is not empty.", u.Data))
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		out = append(out, blocker("target-folder", "Name an empty folder in target.data, or one that does not exist yet.", "The target's folder cannot be used: %v.", err))
	}
	if _, err := os.Lstat(u.seed.Copy()); err == nil {
		out = append(out, blocker("copy-folder", "Remove it when no other upgrade uses it.", "The folder for the copy, %s, exists.", u.seed.Copy()))
	}
	if err := u.seed.New.Owner.CanMake(filepath.Dir(u.Data)); err != nil {
		out = append(out, blocker("target-folder", sentence(hint.Of(err)), "%v.", err))
	}
	return out
}

func (u *Upgrade) checkDisk() []checks.Finding {
	free, err := freeBytes(filepath.Dir(u.Data))
	if err != nil {
		return []checks.Finding{blocker("disk", "Make the folder that target.data lies in.", "The room on the target's disk cannot be read: %v.", err)}
	}
	need := u.inv.Bytes + u.inv.Bytes/5 + 1<<30
	if free >= need {
		return nil
	}
	return []checks.Finding{blocker("disk", "Make room, or put target.data on a larger disk.", "The disk of %s has %s free and about %s are needed: the copy, a fifth for what is written meanwhile, and 1 GB.", u.Data, bytesText(free), bytesText(need))}
}

func (u *Upgrade) checkSocketDir() []checks.Finding {
	if u.Place.SocketDir == "" {
		return nil
	}
	if info, err := os.Stat(u.Place.SocketDir); err != nil || !info.IsDir() {
		return []checks.Finding{blocker("target-socket", "Make that folder, or name another in target.socket_dir.", "The folder for the target's socket, %s, does not exist.", u.Place.SocketDir)}
	}
	if err := u.seed.New.Owner.CanMake(u.Place.SocketDir); err != nil {
		return []checks.Finding{blocker("target-socket", sentence(hint.Of(err)), "%v.", err)}
	}
	return nil
}

func (u *Upgrade) checkPort(ctx context.Context) []checks.Finding {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(u.listenHost(), strconv.Itoa(u.Place.Port)))
	if err == nil {
		l.Close()
		return nil
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return []checks.Finding{blocker("target-port", fmt.Sprintf("Name a free port in target.port, or stop what uses it: ss -ltnp 'sport = :%d'", u.Place.Port),
			"Port %d on %s, where the target is to listen, is in use.", u.Place.Port, u.listenHost())}
	}
	return []checks.Finding{blocker("target-port", "Name an address of this machine in target.host and a free port in target.port.", "The target cannot listen on port %d of %s: %v.", u.Place.Port, u.listenHost(), errors.Unwrap(err))}
}

func (u *Upgrade) listenHost() string {
	if strings.HasPrefix(u.Place.Host, "/") {
		return "127.0.0.1"
	}
	return u.Place.Host
}

// freeBytes looks at the nearest folder that exists.
func freeBytes(dir string) (int64, error) {
	for {
		var st syscall.Statfs_t
		err := syscall.Statfs(dir, &st)
		if err == nil {
			return int64(st.Bavail) * int64(st.Bsize), nil
		}
		if parent := filepath.Dir(dir); errors.Is(err, syscall.ENOENT) && parent != dir {
			dir = parent
			continue
		}
		return 0, err
	}
}
