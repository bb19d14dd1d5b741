package chaos

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/lullhq/lull/internal/pgserver"
)

// disk is a small file system that only the programs started through it see. A process that
// sleeps keeps it; when that ends, so does the disk, whatever became of the harness.
type disk struct {
	at     string // where it is, for whoever sees it
	keeper *exec.Cmd
	in     io.Closer
	users  bool // in a user namespace of its own, as anybody but root needs
}

// room is what lull asks for, and some. It takes no memory until something is written.
const room = "2g"

// newDisk makes one in an empty folder of the owner's. Not every machine allows it.
func newDisk(ctx context.Context, at string, owner pgserver.Owner) (*disk, error) {
	d := &disk{at: at, users: os.Geteuid() != 0}
	if _, err := exec.LookPath("nsenter"); err != nil {
		return nil, fmt.Errorf("make a small disk: %w", err)
	}
	space := []string{"--mount", "--propagation", "private"}
	keep := "mount -t tmpfs -o size=" + room + " tmpfs \"$1\""
	if d.users {
		space = append(space, "--user", "--map-root-user")
	} else {
		keep += fmt.Sprintf(" && chown %d:%d \"$1\" && chmod 700 \"$1\"", owner.UID, owner.GID)
	}
	// What it prints says that it is there. It ends with its input.
	d.keeper = exec.Command("unshare", append(space, "sh", "-c", keep+" && echo ready && exec cat", "sh", at)...)
	d.keeper.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := d.start(); err != nil {
		return nil, fmt.Errorf("make a small disk: %w", err)
	}
	if err := d.program(ctx, "/", "true").Run(); err != nil {
		return nil, errors.Join(fmt.Errorf("use a small disk: %w", err), d.close())
	}
	return d, nil
}

func (d *disk) start() error {
	var said strings.Builder
	d.keeper.Stderr = &said
	in, err := d.keeper.StdinPipe()
	if err != nil {
		return err
	}
	out, err := d.keeper.StdoutPipe()
	if err != nil {
		return err
	}
	if err := d.keeper.Start(); err != nil {
		return err
	}
	d.in = in
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		in.Close()
		_ = d.keeper.Wait() // what it says is of interest, not how it ends
		return fmt.Errorf("this machine does not allow it: %s", strings.TrimSpace(said.String()))
	}
	return nil
}

// program is a command that sees the disk, run in a folder.
func (d *disk) program(ctx context.Context, dir, path string, args ...string) *exec.Cmd {
	enter := d.enter()
	if d.users { // as root, for the disk, and then as itself again: PostgreSQL refuses root
		enter = append(enter, "unshare", "--user", fmt.Sprintf("--map-user=%d", os.Getuid()), fmt.Sprintf("--map-group=%d", os.Getgid()))
	}
	enter = append(append(enter, "sh", "-c", `cd "$0" && exec "$@"`, dir, path), args...)
	return exec.CommandContext(ctx, "nsenter", enter...)
}

// enter are nsenter's arguments to see the disk.
func (d *disk) enter() []string {
	out := []string{"--target", strconv.Itoa(d.keeper.Process.Pid), "--mount"}
	if d.users {
		out = append(out, "--user", "--preserve-credentials")
	}
	return out
}

// path is how this process, which does not see the disk, reaches a file on it.
func (d *disk) path(file string) string {
	return filepath.Join("/proc", strconv.Itoa(d.keeper.Process.Pid), "root", file)
}

// fill leaves no room: the disk becomes as small as what is on it.
func (d *disk) fill() (err error) {
	for range 50 { // what is on it may grow meanwhile
		var stat syscall.Statfs_t
		if err = syscall.Statfs(d.path(d.at), &stat); err != nil {
			break
		}
		if err = d.resize(strconv.FormatUint((stat.Blocks-stat.Bfree)*uint64(stat.Bsize), 10)); err == nil {
			return nil
		}
	}
	return fmt.Errorf("fill the disk: %w", err)
}

// free gives it its room back.
func (d *disk) free() error { return d.resize(room) }

func (d *disk) resize(size string) error {
	cmd := exec.Command("nsenter", append(d.enter(), "mount", "-t", "tmpfs", "-o", "remount,size="+size, "tmpfs", d.at)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("resize the disk: %w: %s", err, out)
	}
	return nil
}

func (d *disk) close() error {
	d.in.Close()
	err := d.keeper.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil // it is gone, which is all that is asked
	}
	return err
}
