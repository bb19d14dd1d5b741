package preflight_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/checks/checkstest"
	"github.com/lullhq/lull/internal/pgserver"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/preflight"
)

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
			if major >= 17 {
				s.Exec(t, "postgres", `CREATE DATABASE builtin TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'`)
			}
			cases := casesOf(t, major)
			var undo []func()
			for _, p := range cases {
				s.Exec(t, p.Database(), p.Plant...)
				if p.Do != nil {
					undo = append(undo, p.Do(t, s))
				}
			}
			before := look(t, s)
			for _, p := range cases {
				p.MustBeIn(t, before, func(f checks.Finding) bool { return f.Evidence == "" })
			}
			if t.Failed() {
				t.FailNow()
			}
			for _, f := range slices.Backward(undo) {
				f()
			}
			for _, p := range slices.Backward(cases) {
				s.Exec(t, p.Database(), p.Cure(before)...)
			}
			s.Restart(t)
			for _, f := range look(t, s) {
				for _, p := range cases {
					if p.ID == f.ID && p.IsIn(f) {
						t.Errorf("still found after its Fix: %s: %s\n%s", f.ID, f.Text, p.Cure(before))
					}
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
		return []int{13}
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

func casesOf(t *testing.T, major int) (out []checkstest.Planted) {
	t.Helper()
	for _, p := range problems {
		c := check(t, p.ID)
		if p.Source.Has(major) && c.Source.Has(major) {
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

// What a query finds is planted somewhere, or it may never find anything.
func TestAllArePlanted(t *testing.T) {
	t.Parallel()
	for _, c := range preflight.Catalogue() {
		if (c.SQL != "" || c.Look != nil) && checkstest.Find(problems, c.ID) == nil && !slices.Contains(special, c.ID) {
			t.Errorf("%s is planted nowhere", c.ID)
		}
	}
}
