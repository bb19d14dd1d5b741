package snapshot

import (
	"context"
	"fmt"
	"os"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/proc"
)

// Command is a mirror that a command of the operator's takes elsewhere.
type Command struct {
	line   string
	folder *Folder
	owed   bool // the command has not yet succeeded on what is in the folder
}

// NewCommand keeps the files in a folder of its own until Close. The line is the shell's; it runs in
// the folder, whose name is in LULL_SNAPSHOT.
func NewCommand(line string) (*Command, error) {
	dir, err := os.MkdirTemp("", "lull-snapshot-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the snapshot: %w", err)
	}
	return &Command{line: line, folder: NewFolder(dir), owed: true}, nil
}

// Push implements Mirror. The command runs when something has changed, and again while it fails.
func (m *Command) Push(ctx context.Context, files []File) (Change, error) {
	c, err := m.folder.Push(ctx, files)
	if err != nil {
		return c, err
	}
	if m.owed = m.owed || !c.None(); !m.owed {
		return c, nil
	}
	ctx, cancel := context.WithTimeout(ctx, commandDeadline)
	defer cancel()
	_, err = proc.Run(ctx, proc.Cmd{
		Name: "the command of the snapshot", Args: []string{"/bin/sh", "-c", m.line}, Merge: true,
		Dir: m.folder.dir, Env: append(os.Environ(), "LULL_SNAPSHOT="+m.folder.dir),
	})
	m.owed = err != nil
	if err != nil {
		err = hint.Wrap(err, "try it by hand in a folder that holds the files: lull snapshot --to FOLDER")
	}
	return c, err
}

// Close implements Mirror.
func (m *Command) Close() error { return os.RemoveAll(m.folder.dir) }
