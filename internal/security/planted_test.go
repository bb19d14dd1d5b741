package security_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/security"
)

// planted is a hole, put into a server, and what closes it. An empty fix stands for the commands
// that the finding itself gives: then it is they that are tried.
type planted struct {
	id     string
	source checks.Versions // of the server it is put into
	plant  []string
	object string // is in an object that is found
	fix    []string
	// do plants what no statement can, and gives what takes it away.
	do func(t *testing.T, s *pgtest.Server) (undo func())
}

// wrong are settings that the server starts with.
var wrong = map[string]string{
	"password_encryption": "md5", "log_file_mode": "0644", "log_statement": "ddl", "log_min_duration_statement": "0",
	"allow_system_table_mods": "on", "ssl_min_protocol_version": "TLSv1",
}

// special are those that have a test of their own.
var special = []string{"tls-off", "version-minor", "version-ended", "refused-clients"}

// none of the fixes is to be tried: it is in do.
var none = []string{}

var holes = []planted{
	{id: "password-guessable", plant: []string{`SET password_encryption = 'scram-sha-256'`, `CREATE ROLE guess LOGIN PASSWORD 'guess'`}, object: "own name", fix: []string{`ALTER ROLE guess PASSWORD 'Kah7-quoo9-eeV2'`}},
	{
		id: "password-md5", plant: []string{`CREATE ROLE old LOGIN PASSWORD 'Kah7-quoo9-eeV2'`}, object: "old",
		fix: []string{`SET password_encryption = 'scram-sha-256'`, `ALTER ROLE old PASSWORD 'Kah7-quoo9-eeV2'`, `ALTER ROLE guess PASSWORD 'Kah7-quoo9-eeV2'`},
	},
	{id: "password-none", plant: []string{`CREATE ROLE nopass LOGIN`, `CREATE ROLE hollow LOGIN PASSWORD ''`}, object: "hollow"},
	{id: "password-encryption", object: "md5"},

	{id: "hba-trust", do: accessRule("host app alice 10.0.0.0/8 trust"), object: "alice", fix: none},
	{id: "hba-password", do: accessRule("host app bob 10.0.0.0/8 password"), object: "bob", fix: none},
	{id: "hba-md5", do: accessRule("host app carl 10.0.0.0/8 md5"), object: "carl", fix: none},
	{id: "hba-ident", do: accessRule("host app dora 10.0.0.0/8 ident"), object: "dora", fix: none},
	{id: "hba-world", do: accessRule("hostssl app emma 0.0.0.0/0 scram-sha-256"), object: "emma", fix: none},
	{id: "hba-plaintext", do: accessRule("host app fred 10.0.0.0/8 scram-sha-256"), object: "fred", fix: none},
	{id: "hba-client-certificates", object: "lines with TLS", fix: none},

	{id: "tls-version", object: "TLSv1"},
	{id: "tls-certificate-dates", object: "it ends on", fix: none},
	{id: "tls-certificate-name", object: "db.example", fix: none},

	{id: "role-superuser", plant: []string{`CREATE ROLE boss SUPERUSER`}, object: "boss"},
	{id: "role-attributes", plant: []string{`CREATE ROLE maker CREATEROLE REPLICATION BYPASSRLS`}, object: "CREATEROLE, REPLICATION, BYPASSRLS"},
	{id: "role-predefined", plant: []string{`CREATE ROLE runner`, `GRANT pg_execute_server_program TO runner`}, object: "runner"},

	{id: "public-create", plant: []string{`GRANT CREATE ON SCHEMA public TO PUBLIC`}, object: "public"},
	{id: "public-writes", plant: []string{`CREATE TABLE open_to_all (id int)`, `GRANT INSERT, UPDATE ON open_to_all TO PUBLIC`}, object: "open_to_all (INSERT, UPDATE)"},
	{id: "definer-search-path", plant: []string{`CREATE FUNCTION rise() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'`}, object: "rise()"},
	{id: "language-untrusted", plant: []string{`CREATE LANGUAGE risky HANDLER plpgsql_call_handler`}, object: "risky"},
	{id: "extension-risky", plant: []string{`CREATE EXTENSION dblink`}, object: "dblink"},

	{id: "checksums-off", object: "data_checksums", do: enableChecksums, fix: none},
	{id: "log-connections", object: "log_connections"},
	{id: "log-disconnections", object: "log_disconnections"},
	{id: "log-failures", plant: []string{`ALTER SYSTEM SET log_min_messages = 'panic'`, `SELECT pg_reload_conf()`}, object: "panic", do: until(`SELECT setting = 'panic' FROM pg_settings WHERE name = 'log_min_messages'`)},
	{id: "log-line-prefix", object: "log_line_prefix"},
	{id: "log-file-mode", object: "0644"},
	{id: "log-statements", object: "log_"},
	{id: "listen-everywhere", plant: []string{`ALTER SYSTEM SET listen_addresses = '*'`}, object: "*"},
	{id: "data-folder-mode", object: "0750", do: closeFolder, fix: none},
	{id: "system-tables-open", object: "allow_system_table_mods"},

	{id: "slots-left", plant: []string{`SELECT pg_create_physical_replication_slot('forgotten')`}, object: "forgotten"},
	{id: "publications-left", plant: []string{`CREATE PUBLICATION news`}, object: "news"},
	{id: "subscriptions-left", plant: []string{`CREATE SUBSCRIPTION paused CONNECTION 'host=127.0.0.1 password=x' PUBLICATION news WITH (connect = false)`}, object: "has a password"},
}

// TestPlanted puts every hole of the catalogue into one server of a version and looks twice: each is
// found, and after its fix is not.
func TestPlanted(t *testing.T) {
	t.Parallel()
	for _, major := range []int{13, 17} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			s := pgtest.Start(t, major, pgtest.Options{Databases: []string{"app"}, Settings: wrong, InitArgs: []string{"--allow-group-access"}})
			has(t, look(t, s), "tls-off", true)
			renew := speakTLS(t, s)
			var undo []func()
			for _, p := range holes {
				s.Exec(t, "app", p.plant...)
				if p.do != nil {
					undo = append(undo, p.do(t, s))
				}
			}
			before := look(t, s)
			has(t, before, "tls-off", false)
			has(t, before, "version-minor", false)
			aheadOf(t, s)
			has(t, before, "version-ended", major == 13)
			for _, p := range holes {
				p.mustBeIn(t, before)
			}
			if t.Failed() {
				t.FailNow()
			}
			for _, p := range slices.Backward(holes) {
				s.Exec(t, "app", p.cure(before)...)
			}
			renew()
			for _, f := range slices.Backward(undo) {
				f()
			}
			s.Restart(t)
			for _, f := range look(t, s) {
				if p := find(f.ID); p != nil && slices.ContainsFunc(f.Objects, p.matches) && (f.Database == "" || f.Database == "app") {
					t.Errorf("still found after its fix: %s: %s\n%s", f.ID, f.Text, p.cure(before))
				}
			}
		})
	}
}

// A check of the catalogue that is planted nowhere may never find anything.
func TestAllArePlanted(t *testing.T) {
	t.Parallel()
	for _, c := range security.Catalogue() {
		if c.Asks == checks.Each && find(c.ID) == nil && !slices.Contains(special, c.ID) {
			t.Errorf("%s is planted nowhere", c.ID)
		}
		if c.Asks == checks.Pooler && !slices.ContainsFunc(loose, func(p plantedPooler) bool { return p.id == c.ID }) {
			t.Errorf("%s is planted nowhere", c.ID)
		}
	}
}

// aheadOf asks the same with a table that is ahead of every server.
func aheadOf(t *testing.T, s *pgtest.Server) {
	t.Helper()
	all := security.Catalogue()
	c := all[slices.IndexFunc(all, func(c checks.Check) bool { return c.ID == "version-minor" })]
	for _, r := range security.Releases {
		if r.Major == s.Major {
			c.SQL = strings.ReplaceAll(c.SQL, fmt.Sprintf("(%d, %d,", r.Major, r.Minor), fmt.Sprintf("(%d, 9999,", r.Major))
		}
	}
	found, err := checks.Run(t.Context(), []checks.Check{c}, checks.Subject{
		Servers: map[checks.Audience]checks.Server{checks.Each: cluster.Endpoint{Conninfo: s.Server.DSN("postgres", pgtest.Superuser), Password: s.Password}}, From: s.Major, To: s.Major,
	})
	if err != nil {
		t.Fatal(err)
	}
	has(t, found, "version-minor", true)
}

func look(t *testing.T, s *pgtest.Server) []checks.Finding {
	t.Helper()
	found, err := security.Audit(t.Context(), cluster.Endpoint{Conninfo: s.Server.DSN("postgres", pgtest.Superuser), Password: s.Password}, s.Major)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if strings.HasPrefix(f.Text, "Not looked at") {
			t.Errorf("%s: %s\n%s", f.ID, f.Text, f.Evidence)
		}
	}
	return found
}

func has(t *testing.T, found []checks.Finding, id string, want bool) {
	t.Helper()
	if got := slices.ContainsFunc(found, func(f checks.Finding) bool { return f.ID == id }); got != want {
		t.Errorf("%s is found: %v", id, got)
	}
}

func find(id string) *planted {
	at := slices.IndexFunc(holes, func(p planted) bool { return p.id == id })
	if at < 0 {
		return nil
	}
	return &holes[at]
}

func (p planted) mustBeIn(t *testing.T, found []checks.Finding) {
	t.Helper()
	var seen []string
	for _, f := range found {
		if f.ID != p.id {
			continue
		}
		seen = append(seen, f.Text)
		if f.Fix == "" || f.Why == "" || f.Breaks == "" || f.Topic == "" {
			t.Errorf("%s lacks a reason, a fix, what could break or its topic: %+v", f.ID, f)
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
			if f.ID == p.id && p.matches(o) && (f.Database == "" || f.Database == "app") {
				out = append(out, o.Command)
			}
		}
	}
	return out
}
