package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/lullhq/lull/internal/hint"
)

// storeFile is the file that the store was opened from. SQLite reads on in a file that was removed or replaced, as
// the system lets it, but what it finds there is nobody's record any more.
type storeFile struct {
	path   string
	opened fs.FileInfo // nil when the store is no file
}

func openedFrom(path string) (storeFile, error) {
	if path == "" {
		return storeFile{}, nil
	}
	info, err := os.Stat(path)
	return storeFile{path: path, opened: info}, err
}

var errReplaced = errors.New("the store is another file than the one that was opened")

// present says that the file is where it was.
func (f storeFile) present() error {
	if f.opened == nil {
		return nil
	}
	now, err := os.Stat(f.path)
	if err != nil {
		return hint.Wrap(fmt.Errorf("find the store: %w", err), "put the store back where it was, then start lull serve again")
	}
	if !os.SameFile(now, f.opened) {
		return hint.Wrap(fmt.Errorf("read %s: %w", f.path, errReplaced), "start lull serve again")
	}
	return nil
}
