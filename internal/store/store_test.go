package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/store"
	"github.com/lullhq/lull/internal/timeline"
)

func open(t *testing.T, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func openNew(t *testing.T) *store.Store { return open(t, filepath.Join(t.TempDir(), "lull.db")) }

func TestOpenCreatesForTheOwnerAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state", "of lull")
	s := open(t, filepath.Join(dir, "we?ird %41#.db"))
	if _, err := s.Acquire(t.Context(), "a/b"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(t.Context(), "m", 0, timeline.Draft{Event: maint.Started{}}); err != nil {
		t.Fatal(err)
	}
	found, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range found {
		names = append(names, strings.TrimPrefix(e.Name(), "we?ird %41#.db"))
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %s", e.Name(), info.Mode())
		}
	}
	want := []string{"", "-samples", "-samples-shm", "-samples-wal", "-shm", "-wal", ".a%2Fb.lock"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}

func TestOpenIsDurable(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	for _, tt := range []struct {
		db   *sql.DB
		name string
		want string
	}{
		{s.Writer(), "journal_mode", "wal"}, {s.Writer(), "synchronous", "2"}, {s.Writer(), "foreign_keys", "1"},
		{s.Writer(), "busy_timeout", "5000"}, {s.Reader(), "busy_timeout", "5000"}, {s.Reader(), "query_only", "1"},
	} {
		var got string
		if err := tt.db.QueryRowContext(t.Context(), "PRAGMA "+tt.name).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != tt.want {
			t.Errorf("%s is %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestTablesAreStrict(t *testing.T) {
	t.Parallel()
	rows, err := openNew(t).Reader().QueryContext(t.Context(), `
		SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose_%'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	tables := 0
	for rows.Next() {
		var name string
		var strict bool
		if err := rows.Scan(&name, &strict); err != nil {
			t.Fatal(err)
		}
		if tables++; !strict {
			t.Errorf("%s is not strict", name)
		}
	}
	if err := rows.Err(); err != nil || tables == 0 {
		t.Errorf("%d tables, %v", tables, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("Dear diary, ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	newer := filepath.Join(dir, "newer.db")
	s := open(t, newer)
	if _, err := s.Writer().ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)`); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		text:                           "file is not a database",
		newer:                          "its tables are of version 999",
		filepath.Join(text, "lull.db"): "not a directory",
		dir:                            "is a directory",
	} {
		_, err := store.Open(t.Context(), path)
		if err == nil || !strings.Contains(err.Error(), want) || hint.Of(err) == "" {
			t.Errorf("%s: %v [%s], want %q", path, err, hint.Of(err), want)
		}
	}
}

func TestOpenGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.Open(ctx, filepath.Join(t.TempDir(), "lull.db")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestCloseTwice(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
}

func TestLeaseHeldNamesItsHolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "lull.db")
	s := open(t, path)
	if _, err := s.Acquire(t.Context(), "m"); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	pid := fmt.Sprint(os.Getpid())
	_, err := open(t, link).Acquire(t.Context(), "m")
	if !errors.Is(err, run.ErrLeaseHeld) || !strings.Contains(err.Error(), pid) || !strings.Contains(hint.Of(err), "kill -INT "+pid) {
		t.Errorf("%v [%s]", err, hint.Of(err))
	}
}

func TestCloseGivesLeasesUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "lull.db")
	first, second := open(t, path), open(t, path)
	if _, err := first.Acquire(t.Context(), "m"); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	lease, err := second.Acquire(t.Context(), "m")
	if err != nil || lease.Epoch != 2 {
		t.Fatalf("%+v, %v", lease, err)
	}
	if err := second.Release(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(path + "*.lock"); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A process that was killed leaves its file behind, and nobody has it locked.
func TestALockFileAloneHoldsNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lull.db")
	s := open(t, path)
	if err := os.WriteFile(path+".m.lock", []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Acquire(t.Context(), "m"); err != nil {
		t.Error(err)
	}
}
