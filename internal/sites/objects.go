package sites

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// mostObject bounds what is read of one object: a lock file of npm is the largest.
const mostObject = 64 << 20

// objects reads what a repository holds through one git that stays (git-cat-file(1), --batch): a process for each
// look would cost more than all the rest.
type objects struct {
	mu    sync.Mutex
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	start func() *exec.Cmd
}

// errMissing says that there is no object of that name.
var errMissing = errors.New("there is no such object")

func (g *git) newObjects() *objects {
	return &objects{start: func() *exec.Cmd {
		cmd := exec.Command("git", append(append([]string{}, g.config...), "cat-file", "--batch")...)
		cmd.Dir, cmd.Env = g.dir, g.env
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: g.user}
		return cmd
	}}
}

// object gives the id, kind and content of what git-rev-parse(1) would find under the name.
func (o *objects) object(ctx context.Context, name string) (id, kind string, content []byte, err error) {
	if strings.ContainsAny(name, "\n") {
		return "", "", nil, fmt.Errorf("read %q: the name holds a line break", name)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := context.Cause(ctx); err != nil {
		return "", "", nil, err
	}
	if err := o.begin(); err != nil {
		return "", "", nil, fmt.Errorf("read objects of git: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = o.cmd.Process.Kill() }) // it ends what reads below
	defer stop()
	id, kind, content, err = o.ask(name)
	if err != nil && !errors.Is(err, errMissing) {
		_ = o.end()
		err = fmt.Errorf("read %s: %w", name, errors.Join(context.Cause(ctx), err))
	}
	return id, kind, content, err
}

func (o *objects) begin() (err error) {
	if o.cmd != nil {
		return nil
	}
	cmd := o.start()
	if o.in, err = cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	o.cmd, o.out = cmd, bufio.NewReader(out)
	return nil
}

func (o *objects) ask(name string) (id, kind string, content []byte, err error) {
	if _, err := io.WriteString(o.in, name+"\n"); err != nil {
		return "", "", nil, err
	}
	head, err := o.out.ReadString('\n')
	if err != nil {
		return "", "", nil, err
	}
	f := strings.Fields(strings.TrimPrefix(head, name))
	if len(f) == 1 && f[0] == "missing" || strings.HasSuffix(head, " missing\n") || strings.HasSuffix(head, " ambiguous\n") {
		return "", "", nil, errMissing
	}
	if f = strings.Fields(head); len(f) != 3 {
		return "", "", nil, fmt.Errorf("git answered %q", strings.TrimSpace(head))
	}
	size, err := strconv.Atoi(f[2])
	if err != nil || size < 0 || size > mostObject {
		return "", "", nil, fmt.Errorf("an object of %s bytes is not read", f[2])
	}
	content = make([]byte, size+1) // a line break follows
	if _, err := io.ReadFull(o.out, content); err != nil {
		return "", "", nil, err
	}
	return f[0], f[1], content[:size], nil
}

// end lets the process go. The next look starts another.
func (o *objects) end() error {
	if o.cmd == nil {
		return nil
	}
	cmd := o.cmd
	o.cmd = nil
	_ = o.in.Close() // at the end of what it reads it ends
	return cmd.Wait()
}

// close is end, for whoever has finished with the repository.
func (o *objects) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	_ = o.end() // it was only read
}

// entry is a line of a tree.
type entry struct {
	mode string // "100644", "120000" for a symbolic link, "160000" for a submodule
	id   string
}

// entryAt finds a path in a commit's tree, without following symbolic links.
func (o *objects) entryAt(ctx context.Context, commit, path string) (entry, error) {
	dir, base := "", path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		dir, base = path[:i], path[i+1:]
	}
	id, kind, tree, err := o.object(ctx, commit+":"+dir)
	if err != nil {
		return entry{}, err
	}
	if kind != "tree" {
		return entry{}, errMissing
	}
	return findEntry(tree, base, len(id)/2)
}

// findEntry reads a tree: mode, blank, name, NUL, and the id in bytes (gitformat-pack(5) and git-mktree(1) call it so).
func findEntry(tree []byte, name string, idLength int) (entry, error) {
	for len(tree) > 0 {
		head, rest, ok := bytes.Cut(tree, []byte{0})
		if !ok || len(rest) < idLength {
			return entry{}, errors.New("a tree of git cannot be read")
		}
		mode, called, _ := strings.Cut(string(head), " ")
		if called == name {
			return entry{mode, hex.EncodeToString(rest[:idLength])}, nil
		}
		tree = rest[idLength:]
	}
	return entry{}, errMissing
}
