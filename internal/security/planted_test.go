package security_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/checks/checkstest"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/security"
)

// wrong are settings that the server starts with.
var wrong = map[string]string{
	"password_encryption": "md5", "log_file_mode": "0644", "log_statement": "ddl", "log_min_duration_statement": "0",
	"allow_system_table_mods": "on", "ssl_min_protocol_version": "TLSv1",
}

// special are those that have a test of their own.
var special = []string{"tls-off", "version-minor", "version-ended", "refused-clients"}

// none of the fixes is to be tried: it is in do.
var none = []string{}

var holes = []checkstest.Planted{
	{ID: "password-guessable", Plant: []string{`SET password_encryption = 'scram-sha-256'`, `CREATE ROLE guess LOGIN PASSWORD 'guess'`}, Object: "own name", Fix: []string{`ALTER ROLE guess PASSWORD 'Kah7-quoo9-eeV2'`}},
	{
		ID: "password-md5", Plant: []string{`CREATE ROLE old LOGIN PASSWORD 'Kah7-quoo9-eeV2'`}, Object: "old",
		Fix: []string{`SET password_encryption = 'scram-sha-256'`, `ALTER ROLE old PASSWORD 'Kah7-quoo9-eeV2'`, `ALTER ROLE guess PASSWORD 'Kah7-quoo9-eeV2'`},
	},
	{ID: "password-none", Plant: []string{`CREATE ROLE nopass LOGIN`, `CREATE ROLE hollow LOGIN PASSWORD ''`}, Object: "hollow"},
	{ID: "password-encryption", Object: "md5"},

	{ID: "hba-trust", Do: checkstest.AccessRule("host app alice 10.0.0.0/8 trust"), Object: "alice", Fix: none},
	{ID: "hba-password", Do: checkstest.AccessRule("host app bob 10.0.0.0/8 password"), Object: "bob", Fix: none},
	{ID: "hba-md5", Do: checkstest.AccessRule("host app carl 10.0.0.0/8 md5"), Object: "carl", Fix: none},
	{ID: "hba-ident", Do: checkstest.AccessRule("host app dora 10.0.0.0/8 ident"), Object: "dora", Fix: none},
	{ID: "hba-world", Do: checkstest.AccessRule("hostssl app emma 0.0.0.0/0 scram-sha-256"), Object: "emma", Fix: none},
	{ID: "hba-plaintext", Do: checkstest.AccessRule("host app fred 10.0.0.0/8 scram-sha-256"), Object: "fred", Fix: none},
	{ID: "hba-client-certificates", Object: "lines with TLS", Fix: none},

	{ID: "tls-version", Object: "TLSv1"},
	{ID: "tls-certificate-dates", Object: "it ends on", Fix: none},
	{ID: "tls-certificate-name", Object: "db.example", Fix: none},

	{ID: "role-superuser", Plant: []string{`CREATE ROLE boss SUPERUSER`}, Object: "boss"},
	{ID: "role-attributes", Plant: []string{`CREATE ROLE maker CREATEROLE REPLICATION BYPASSRLS`}, Object: "CREATEROLE, REPLICATION, BYPASSRLS"},
	{ID: "role-predefined", Plant: []string{`CREATE ROLE runner`, `GRANT pg_execute_server_program TO runner`}, Object: "runner"},

	{ID: "public-create", Plant: []string{`GRANT CREATE ON SCHEMA public TO PUBLIC`}, Object: "public"},
	{ID: "public-writes", Plant: []string{`CREATE TABLE open_to_all (id int)`, `GRANT INSERT, UPDATE ON open_to_all TO PUBLIC`}, Object: "open_to_all (INSERT, UPDATE)"},
	{ID: "definer-search-path", Plant: []string{`CREATE FUNCTION rise() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'`}, Object: "rise()"},
	{ID: "language-untrusted", Plant: []string{`CREATE LANGUAGE risky HANDLER plpgsql_call_handler`}, Object: "risky"},
	{ID: "extension-risky", Plant: []string{`CREATE EXTENSION dblink`}, Object: "dblink"},

	{ID: "checksums-off", Object: "data_checksums", Do: enableChecksums, Fix: none},
	{ID: "log-connections", Object: "log_connections"},
	{ID: "log-disconnections", Object: "log_disconnections"},
	{ID: "log-failures", Plant: []string{`ALTER SYSTEM SET log_min_messages = 'panic'`, `SELECT pg_reload_conf()`}, Object: "panic", Do: checkstest.Until(`SELECT setting = 'panic' FROM pg_settings WHERE name = 'log_min_messages'`)},
	{ID: "log-line-prefix", Object: "log_line_prefix"},
	{ID: "log-file-mode", Object: "0644"},
	{ID: "log-statements", Object: "log_"},
	{ID: "listen-everywhere", Plant: []string{`ALTER SYSTEM SET listen_addresses = '*'`}, Object: "*"},
	{ID: "data-folder-mode", Object: "0750", Do: closeFolder, Fix: none},
	{ID: "system-tables-open", Object: "allow_system_table_mods"},

	{ID: "slots-left", Plant: []string{`SELECT pg_create_physical_replication_slot('forgotten')`}, Object: "forgotten"},
	{ID: "publications-left", Plant: []string{`CREATE PUBLICATION news`}, Object: "news"},
	{ID: "subscriptions-left", Plant: []string{`CREATE SUBSCRIPTION paused CONNECTION 'host=127.0.0.1 password=x' PUBLICATION news WITH (connect = false)`}, Object: "has a password"},
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
				s.Exec(t, "app", p.Plant...)
				if p.Do != nil {
					undo = append(undo, p.Do(t, s))
				}
			}
			before := look(t, s)
			has(t, before, "tls-off", false)
			has(t, before, "version-minor", false)
			aheadOf(t, s)
			has(t, before, "version-ended", major == 13)
			for _, p := range holes {
				p.MustBeIn(t, before, func(f checks.Finding) bool { return f.Breaks == "" || f.Topic == "" })
			}
			if t.Failed() {
				t.FailNow()
			}
			for _, p := range slices.Backward(holes) {
				s.Exec(t, "app", p.Cure(before)...)
			}
			renew()
			for _, f := range slices.Backward(undo) {
				f()
			}
			s.Restart(t)
			for _, f := range look(t, s) {
				if p := checkstest.Find(holes, f.ID); p != nil && p.IsIn(f) {
					t.Errorf("still found after its Fix: %s: %s\n%s", f.ID, f.Text, p.Cure(before))
				}
			}
		})
	}
}

// A check of the catalogue that is planted nowhere may never find anything.
func TestAllArePlanted(t *testing.T) {
	t.Parallel()
	for _, c := range security.Catalogue() {
		if c.Asks == checks.Each && checkstest.Find(holes, c.ID) == nil && !slices.Contains(special, c.ID) {
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
