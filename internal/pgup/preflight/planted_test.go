package preflight_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/pgserver"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/preflight"
)

// planted is a problem, put into a server, and what takes it away again. An empty fix stands for the
// commands that the finding itself gives: then it is they that are tried.
type planted struct {
	id     string
	source checks.Versions // of the server it is put into; besides those of the check
	db     string          // "" = app
	plant  []string
	object string // is in an object that is found
	fix    []string
	// do plants what no statement can, and gives what takes it away.
	do func(t *testing.T, s *pgtest.Server) (undo func())
}

// wrong are settings that the server starts with.
var wrong = map[string]string{
	"wal_level": "replica", "max_replication_slots": "2", "max_wal_senders": "2", "max_logical_replication_workers": "0",
	"max_slot_wal_keep_size": "1GB", "max_prepared_transactions": "5", "archive_mode": "on",
	"synchronous_commit": "local", // nobody waits for the standby that is not there
	"autovacuum":         "off",   // it would put some of this right
}

const target = 18

// TestPlanted puts every problem of the catalogue that a version can have into one server of it, and
// looks twice: each is found, and after its fix is not.
func TestPlanted(t *testing.T) {
	t.Parallel()
	for _, major := range majors() {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			s := pgtest.Start(t, major, pgtest.Options{Install: install(t, major), WALLevel: "replica", Databases: []string{"app", "bare"}, Settings: supported(major, wrong)})
			if major >= 15 {
				s.Exec(t, "postgres", `CREATE DATABASE icu TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en'`)
			}
			cases := casesOf(t, major)
			var undo []func()
			for _, p := range cases {
				s.Exec(t, p.database(), p.plant...)
				if p.do != nil {
					undo = append(undo, p.do(t, s))
				}
			}
			before := look(t, s)
			for _, p := range cases {
				p.mustBeIn(t, before)
			}
			if t.Failed() {
				t.FailNow()
			}
			for _, f := range slices.Backward(undo) {
				f()
			}
			for _, p := range slices.Backward(cases) {
				s.Exec(t, p.database(), p.cure(before)...)
			}
			s.Restart(t)
			for _, f := range look(t, s) {
				p := find(cases, f.ID)
				if p != nil && p.gone(f) {
					t.Errorf("still found after its fix: %s: %s\n%s", f.ID, f.Text, p.cure(before))
				}
			}
		})
	}
}

func supported(major int, settings map[string]string) map[string]string {
	out := map[string]string{}
	for name, value := range settings {
		if major >= 13 || name != "max_slot_wal_keep_size" {
			out[name] = value
		}
	}
	return out
}

// majors are those that every test has, and in the long form all that a source may be.
func majors() []int {
	if testing.Short() {
		return []int{13, 17}
	}
	return []int{10, 11, 12, 13, 14, 15, 16, 17}
}

// install finds a server. Those of some versions are only on machines that scripts/oldservers knows.
func install(t *testing.T, major int) pgserver.Install {
	t.Helper()
	in, err := pgserver.FindServer(major)
	if err != nil && major != 13 && major != 17 {
		t.Skipf("%v; in a checkout: scripts/oldservers", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func (p planted) database() string {
	if p.db == "" {
		return "app"
	}
	return p.db
}

func casesOf(t *testing.T, major int) (out []planted) {
	t.Helper()
	for _, p := range problems {
		c := check(t, p.id)
		if p.source.Has(major) && c.Source.Has(major) {
			out = append(out, p)
		}
	}
	return out
}

func check(t *testing.T, id string) checks.Check {
	t.Helper()
	all := preflight.Catalogue()
	at := slices.IndexFunc(all, func(c checks.Check) bool { return c.ID == id })
	if at < 0 {
		t.Fatalf("no check has the id %s", id)
	}
	return all[at]
}

func find(cases []planted, id string) *planted {
	at := slices.IndexFunc(cases, func(p planted) bool { return p.id == id })
	if at < 0 {
		return nil
	}
	return &cases[at]
}

// look runs the catalogue as lull check does. Nothing of it may be refused to a superuser.
func look(t *testing.T, s *pgtest.Server) []checks.Finding {
	t.Helper()
	found := lookAs(t, s, pgtest.Superuser, s.Password)
	for _, f := range found {
		if strings.HasPrefix(f.Text, "Not looked at") {
			t.Errorf("%s: %s\n%s", f.ID, f.Text, f.Evidence)
		}
	}
	return found
}

func lookAs(t *testing.T, s *pgtest.Server, role, password string) []checks.Finding {
	t.Helper()
	found, err := checks.Run(t.Context(), preflight.Catalogue(), checks.Subject{
		Servers: map[checks.Audience]checks.Server{checks.Source: cluster.Endpoint{Conninfo: s.Server.DSN("postgres", role), Password: password}},
		From:    s.Major, To: target,
		Facts: pgx.NamedArgs{
			preflight.Databases: 2, preflight.Upgraded: []string{"app", "bare"}, preflight.WayBack: true, preflight.Prefix: "lull_test", preflight.HoldMS: 2000,
			preflight.LongMS: 0, preflight.TargetSSL: false, preflight.TargetArchives: false,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func (p planted) mustBeIn(t *testing.T, found []checks.Finding) {
	t.Helper()
	var seen []string
	for _, f := range found {
		if f.ID != p.id {
			continue
		}
		seen = append(seen, f.Text)
		if f.Fix == "" || f.Why == "" || f.Evidence == "" {
			t.Errorf("%s lacks a reason, a fix or its evidence: %+v", f.ID, f)
		}
		if slices.ContainsFunc(f.Objects, p.matches) {
			return
		}
	}
	t.Errorf("%s: %q is not found. Found: %q", p.id, p.object, seen)
}

func (p planted) matches(o checks.Object) bool { return strings.Contains(o.String(), p.object) }

// cure is the fix of the case, or what the finding says.
func (p planted) cure(found []checks.Finding) (out []string) {
	if p.fix != nil {
		return p.fix
	}
	for _, f := range found {
		for _, o := range f.Objects {
			if f.ID == p.id && p.matches(o) && (f.Database == "" || f.Database == p.database()) {
				out = append(out, o.Command)
			}
		}
	}
	return out
}

func (p planted) gone(f checks.Finding) bool {
	return slices.ContainsFunc(f.Objects, p.matches) && (f.Database == "" || f.Database == p.database())
}

// What a query finds is planted somewhere, or it may never find anything.
func TestAllArePlanted(t *testing.T) {
	t.Parallel()
	for _, c := range preflight.Catalogue() {
		if (c.SQL != "" || c.Look != nil) && find(problems, c.ID) == nil && !slices.Contains(special, c.ID) {
			t.Errorf("%s is planted nowhere", c.ID)
		}
	}
}
