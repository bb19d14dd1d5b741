package security_test

import (
	"os"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/pgserver"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/gate"
	"github.com/lullhq/lull/internal/pgup/gate/pgbouncer"
	"github.com/lullhq/lull/internal/security"
)

// plantedPooler is a hole in the pooler's answer to SHOW CONFIG.
type plantedPooler struct {
	id, object string
	config     map[string]string
}

var loose = []plantedPooler{
	{"pooler-auth", "auth_type = trust", map[string]string{"auth_type": "trust"}},
	{"pooler-auth", "auth_type = md5", map[string]string{"auth_type": "md5"}},
	{"pooler-tls", "listen_addr = 10.1.2.3, 127.0.0.1", map[string]string{"auth_type": "scram-sha-256", "client_tls_sslmode": "prefer", "listen_addr": "10.1.2.3, 127.0.0.1"}},
	{id: "pooler-passwords"}, // TestPooler has these on a real one
	{id: "pooler-files"},
}

func TestPoolerSettings(t *testing.T) {
	t.Parallel()
	for _, p := range loose {
		if p.config == nil {
			continue
		}
		found := security.Pooler("main", p.config, "")
		if len(found) != 1 || found[0].ID != p.id || !strings.Contains(found[0].String(), p.object) || !strings.HasPrefix(found[0].String(), "pooler main: ") {
			t.Errorf("%s: %+v", p.id, found)
		}
	}
	tight := map[string]string{"auth_type": "scram-sha-256", "client_tls_sslmode": "require", "listen_addr": "*"}
	if found := security.Pooler("main", tight, ""); len(found) > 0 {
		t.Errorf("a tight one: %+v", found)
	}
}

// TestPooler opens a real pooler to others and closes it again.
func TestPooler(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, 17, pgtest.Options{})
	b := pgtest.StartBouncer(t, s, pgtest.BouncerOptions{Settings: map[string]string{"auth_type": "md5"}, Users: map[string]string{"old": "md5" + strings.Repeat("0", 32)}}, "postgres")
	chmod(t, b.Config(), 0o644)
	found := lookAtPooler(t, b)
	for id, object := range map[string]string{"pooler-auth": "auth_type = md5", "pooler-passwords": "old (MD5)", "pooler-files": "mode 0644"} {
		if text := textOf(found, id); !strings.Contains(text, object) {
			t.Errorf("%s: %q is not in %q", id, object, text)
		}
	}
	var verifier string
	if err := s.Connect(t, "postgres").QueryRow(t.Context(), `SELECT rolpassword FROM pg_authid WHERE rolname = $1`, pgtest.Superuser).Scan(&verifier); err != nil {
		t.Fatal(err)
	}
	b.Reconfigure(t, pgserver.Pooling{Databases: map[string]string{"postgres": "host=127.0.0.1"}, Users: map[string]string{pgtest.Superuser: verifier}, Settings: map[string]string{"admin_users": pgtest.Superuser}})
	chmod(t, b.Config(), 0o600)
	until := patienceFor(t)
	for found = lookAtPooler(t, b); len(found) > 0; found = lookAtPooler(t, b) { // it reads its file in its own time
		until(found)
	}
}

func lookAtPooler(t *testing.T, b *pgtest.Bouncer) []checks.Finding {
	t.Helper()
	config, err := pgbouncer.Settings(t.Context(), gate.Pooler{Admin: b.DSN("pgbouncer"), Config: b.Config()})
	if err != nil {
		t.Fatal(err)
	}
	return security.Pooler("main", config, b.Config())
}

func textOf(found []checks.Finding, id string) string {
	for _, f := range found {
		if f.ID == id {
			return f.Text
		}
	}
	return ""
}

func chmod(t *testing.T, file string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
}
