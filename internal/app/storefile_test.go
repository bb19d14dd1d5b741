package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/store"
)

// SQLite reads on in a file that was removed, or replaced: the server must not take that for its record.
func TestRemovedStoreIsNoticed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lull.db")
	st, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = st.Close() }()
	file, err := openedFrom(path)
	if err != nil {
		t.Fatal(err)
	}
	s := source{store: st, file: file}
	read := func() error {
		_, _, err := s.Read(t.Context(), 0, 10)
		return err
	}
	if err := read(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if err := read(); !errors.Is(err, fs.ErrNotExist) || hint.Of(err) == "" {
		t.Errorf("the store has gone: %v", err)
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	if err := read(); err != nil {
		t.Errorf("the store is back: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := read(); !errors.Is(err, errReplaced) {
		t.Errorf("another file is there: %v", err)
	}
}
