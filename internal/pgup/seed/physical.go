// Package seed builds the target: a copy of the source, brought to an exact
// position of its WAL, and turned into a cluster of the new version.
//
// It knows folders, programs and servers that nobody uses yet. It must not know of
// steps and journals, or of clients and how they are held.
package seed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/lullhq/lull/internal/pgserver"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

// Physical builds the target from a base backup of the source and pg_upgrade.
type Physical struct {
	Source    cluster.Endpoint
	Inventory cluster.Inventory
	Old, New  pgserver.Install
	Data      string // the target's data folder; the copy lives beside it
	Jobs      int
}

// Copy is the folder of the base backup. It is on the file system of Data, because pg_upgrade links its files.
func (p Physical) Copy() string {
	return fmt.Sprintf("%s.copy-of-%d", p.Data, p.Inventory.Major())
}

func (p Physical) partial(dir string) string { return dir + ".partial" }
func (p Physical) passfile() string          { return p.Data + ".pgpass" }
func (p Physical) socketDir() string         { return p.Data + ".sockets" }

// Exists says whether a folder holds a data directory, and of which major version.
func Exists(dir string) (major string, err error) {
	b, err := os.ReadFile(filepath.Join(dir, "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look into %s: %w", dir, err)
	}
	return strings.TrimSpace(string(b)), nil
}

// Remove deletes everything that building the target has made.
func (p Physical) Remove(ctx context.Context) error {
	for _, dir := range []string{p.partial(p.Copy()), p.Copy()} {
		if err := p.halt(ctx, p.Old, dir); err != nil {
			return err
		}
	}
	if err := p.RemoveTarget(ctx); err != nil {
		return err
	}
	if err := removeAll(p.partial(p.Copy())); err != nil {
		return err
	}
	return p.RemoveCopy()
}

// RemoveTarget deletes the cluster of the new version.
func (p Physical) RemoveTarget(ctx context.Context) error {
	for _, dir := range []string{p.partial(p.Data), p.Data} {
		if err := p.halt(ctx, p.New, dir); err != nil {
			return err
		}
	}
	return removeAll(p.partial(p.Data), p.Data, p.log("server"))
}

func removeAll(paths ...string) error {
	for _, path := range paths {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("remove %s: %w", path, err)
		}
	}
	return nil
}

// RemoveCopy deletes what is only needed until the target stands by itself: the old version's
// catalogs, second names of files that the target has too, the password of the source, and what
// pg_upgrade had to say when it failed.
func (p Physical) RemoveCopy() error {
	return removeAll(p.Copy(), p.passfile(), p.socketDir(), p.log("copy"), p.failureLogs())
}

// sockets makes a folder that only the servers' user can enter, for servers that trust whoever
// reaches them. It has a name that the next try knows, should this one be killed.
func (p Physical) sockets() (string, error) {
	dir := p.socketDir()
	if len(dir) > pgserver.MaxSocketDir {
		return p.New.Owner.TempDir()
	}
	if err := removeAll(dir); err != nil {
		return "", err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", fmt.Errorf("make a folder for sockets: %w", err)
	}
	return dir, p.New.Owner.Own(dir)
}

func (p Physical) log(what string) string { return p.Data + "." + what + ".log" }

// failureLogs is where pg_upgrade's own logs are kept when it has failed.
func (p Physical) failureLogs() string { return p.Data + ".pg_upgrade-logs" }

// Backup copies the source. The copy appears under its name only when it is whole.
func (p Physical) Backup(ctx context.Context) error {
	tmp := p.partial(p.Copy())
	if err := p.halt(ctx, p.Old, tmp); err != nil {
		return err
	}
	if err := os.RemoveAll(tmp); err != nil {
		return fmt.Errorf("remove an unfinished copy: %w", err)
	}
	if err := p.Old.Owner.MkdirAll(filepath.Dir(p.Data)); err != nil {
		return err
	}
	if err := p.WritePassfile(); err != nil {
		return err
	}
	cmd := p.Old.Command(ctx, "pg_basebackup", "--pgdata", tmp, "--wal-method=stream", "--checkpoint=fast", "--no-password",
		"--label=lull", "--dbname", p.Source.Libpq("", p.passfile()))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("copy the source with pg_basebackup: %w: %s", err, tail(out))
	}
	if err := os.Rename(tmp, p.Copy()); err != nil {
		return fmt.Errorf("name the finished copy: %w", err)
	}
	return nil
}

// WritePassfile gives the programs and the target server the password of Lull's role, readable by them alone.
func (p Physical) WritePassfile() error {
	if err := p.Source.WritePassfile(p.passfile()); err != nil {
		return err
	}
	if p.Source.Password == "" {
		return nil
	}
	return p.Old.Owner.Own(p.passfile())
}

// SourceConninfo is how the target server reaches a database of the source.
func (p Physical) SourceConninfo(database string) string {
	file := p.passfile()
	if p.Source.Password == "" {
		file = ""
	}
	return p.Source.Libpq(database, file)
}

// tail keeps the end of a program's output: the error is there.
func tail(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n")
}
