package pgbouncer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// configFile is the pooler's configuration, behind all symbolic links.
type configFile struct{ path string }

func openConfig(path string) (configFile, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return configFile{}, fmt.Errorf("find the pooler's configuration: %w", err)
	}
	if real, err = filepath.Abs(real); err != nil {
		return configFile{}, fmt.Errorf("find the pooler's configuration: %w", err)
	}
	return configFile{real}, nil
}

func (f configFile) read() ([]byte, error) {
	b, err := os.ReadFile(f.path)
	if err != nil {
		return nil, fmt.Errorf("read the pooler's configuration: %w", err)
	}
	return b, nil
}

// staged is the path of the new configuration while it waits beside the old one.
func (f configFile) staged() string { return f.path + ".lull" }

// stage writes the new configuration beside the old one, durably, with the same owner
// and rights: it may hold passwords, and the pooler must be able to read it.
func (f configFile) stage(b []byte) (err error) {
	old, err := os.Stat(f.path)
	if err != nil {
		return fmt.Errorf("stage the pooler's configuration: %w", err)
	}
	if err := os.Remove(f.staged()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("stage the pooler's configuration: %w", err)
	}
	file, err := os.OpenFile(f.staged(), os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("stage the pooler's configuration: %w", err)
	}
	defer func() {
		if err != nil {
			file.Close()
			_ = os.Remove(f.staged()) // the error is told already
		}
	}()
	if err = likeness(file, old); err != nil {
		return fmt.Errorf("stage the pooler's configuration: %w", err)
	}
	if _, err = file.Write(b); err != nil {
		return fmt.Errorf("stage the pooler's configuration: %w", err)
	}
	if err = file.Sync(); err != nil {
		return fmt.Errorf("stage the pooler's configuration: %w", err)
	}
	return file.Close()
}

func likeness(file *os.File, old fs.FileInfo) error {
	if sys, ok := old.Sys().(*syscall.Stat_t); ok {
		now, err := file.Stat()
		if err != nil {
			return err
		}
		if own, ok := now.Sys().(*syscall.Stat_t); ok && (own.Uid != sys.Uid || own.Gid != sys.Gid) {
			if err := file.Chown(int(sys.Uid), int(sys.Gid)); err != nil {
				return err
			}
		}
	}
	return file.Chmod(old.Mode().Perm())
}

// swap puts the staged configuration in the place of the old one, in one moment. The
// folder is not synced: only the death of processes is survived by this alone.
func (f configFile) swap() error {
	if err := os.Rename(f.staged(), f.path); err != nil {
		return fmt.Errorf("put the new pooler configuration in place: %w", err)
	}
	return nil
}

// settle makes what was swapped durable and leaves nothing staged behind.
func (f configFile) settle() {
	// After a crash of the machine the pooler starts with one file or the other, and
	// whoever comes next looks; there is nobody to tell now.
	_ = os.Remove(f.staged())
	if dir, err := os.Open(filepath.Dir(f.path)); err == nil {
		_ = dir.Sync()
		dir.Close()
	}
}

// writable says whether the file can be replaced by this process.
func (f configFile) writable() error {
	probe, err := os.CreateTemp(filepath.Dir(f.path), ".lull-*")
	if err != nil {
		return fmt.Errorf("replace the pooler's configuration: %w", err)
	}
	defer func() {
		probe.Close()
		_ = os.Remove(probe.Name()) // an empty file with a telling name
	}()
	old, err := os.Stat(f.path)
	if err != nil {
		return fmt.Errorf("replace the pooler's configuration: %w", err)
	}
	if err := likeness(probe, old); err != nil {
		return fmt.Errorf("replace the pooler's configuration: %w", err)
	}
	return nil
}
