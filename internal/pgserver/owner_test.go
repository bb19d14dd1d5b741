package pgserver_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgserver"
)

func TestCanMake(t *testing.T) {
	t.Parallel()
	owner, err := pgserver.OwnerNamed("")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := owner.TempDir()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	closed, file := filepath.Join(dir, "closed"), filepath.Join(dir, "file")
	if err := os.Mkdir(closed, 0o500); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		dir string
		can bool
	}{
		{dir, true},
		{filepath.Join(dir, "a"), true},
		{filepath.Join(dir, "a", "b"), true},
		{closed, false},
		{filepath.Join(closed, "a"), false},
		{filepath.Join(file, "a"), false},
	} {
		err := owner.CanMake(test.dir)
		if (err == nil) != test.can || err != nil && hint.Of(err) == "" {
			t.Errorf("CanMake(%s) = %v, hint %q", test.dir, err, hint.Of(err))
		}
		if made := owner.MkdirAll(test.dir); (made == nil) != test.can {
			t.Errorf("MkdirAll(%s) = %v: CanMake foretold %v", test.dir, made, err)
		}
	}
}
