// Package checkstest puts problems into real servers, for the tests of catalogues: each is found,
// and is not after its fix.
package checkstest

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
)

// Patience is how long a test waits for what a server does in its own time.
const Patience = 3 * time.Minute

// Planted is a problem, put into a server, and what takes it away again. An empty fix stands for the
// commands that the finding itself gives: then it is they that are tried.
type Planted struct {
	ID     string
	Source checks.Versions // of the server it is put into; besides those of the check
	DB     string          // "" = app
	Plant  []string
	Object string // is in an object that is found
	Fix    []string
	// Do plants what no statement can, and gives what takes it away.
	Do func(t *testing.T, s *pgtest.Server) (undo func())
}

// Find gives the case of a check, or nil.
func Find(cases []Planted, id string) *Planted {
	at := slices.IndexFunc(cases, func(p Planted) bool { return p.ID == id })
	if at < 0 {
		return nil
	}
	return &cases[at]
}

// Database is the one that it is put into.
func (p Planted) Database() string {
	if p.DB == "" {
		return "app"
	}
	return p.DB
}

// MustBeIn wants a finding that names the object, and says whether any of its check lacks something.
func (p Planted) MustBeIn(t *testing.T, found []checks.Finding, lacks func(checks.Finding) bool) {
	t.Helper()
	var seen []string
	for _, f := range found {
		if f.ID != p.ID {
			continue
		}
		seen = append(seen, f.Text)
		if f.Fix == "" || f.Why == "" || lacks(f) {
			t.Errorf("%s lacks something that every finding of its catalogue has: %+v", f.ID, f)
		}
		if slices.ContainsFunc(f.Objects, p.matches) {
			return
		}
	}
	t.Errorf("%s: %q is not found. Found: %q", p.ID, p.Object, seen)
}

func (p Planted) matches(o checks.Object) bool { return strings.Contains(o.String(), p.Object) }

// Cure is the fix of the case, or what the finding says.
func (p Planted) Cure(found []checks.Finding) (out []string) {
	if p.Fix != nil {
		return p.Fix
	}
	for _, f := range found {
		for _, o := range f.Objects {
			if f.ID == p.ID && p.matches(o) && p.here(f) {
				out = append(out, o.Command)
			}
		}
	}
	return out
}

// IsIn says whether a finding of its check is about it.
func (p Planted) IsIn(f checks.Finding) bool {
	return slices.ContainsFunc(f.Objects, p.matches) && p.here(f)
}

func (p Planted) here(f checks.Finding) bool { return f.Database == "" || f.Database == p.Database() }

// Until waits for what a server does in its own time.
func Until(query string) func(*testing.T, *pgtest.Server) func() {
	return func(t *testing.T, s *pgtest.Server) func() {
		t.Helper()
		conn := s.Connect(t, "app")
		defer func() { _ = conn.Close(context.Background()) }()
		for end := time.Now().Add(Patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			var yes bool
			if err := conn.QueryRow(t.Context(), query).Scan(&yes); err != nil {
				t.Fatal(err)
			}
			if yes {
				return func() {}
			}
		}
		t.Fatalf("never true: %s", query)
		return nil
	}
}

// AccessRule adds a line to pg_hba.conf that no server has read yet. A file that the line includes is made.
func AccessRule(line string) func(*testing.T, *pgtest.Server) func() {
	return func(t *testing.T, s *pgtest.Server) func() {
		t.Helper()
		file := filepath.Join(s.Data, "pg_hba.conf")
		was, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		write := func(name string, content []byte) {
			if err := s.Owner.WriteFile(name, content); err != nil {
				t.Fatal(err)
			}
		}
		if name, ok := strings.CutPrefix(line, "include "); ok {
			write(filepath.Join(s.Data, name), []byte("local all all peer\n"))
		}
		write(file, append(was, []byte(line+"\n")...))
		return func() { write(file, was) }
	}
}
