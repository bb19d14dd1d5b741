package e2e

import (
	"crypto/x509"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"strings"
	"testing"
	"time"
)

// A plan that makes the new server stricter is killed in the steps that do it, again and again, and carries on. The
// clients are moved to a server that is as strict as the plan says.
func TestKilledWhileHardening(t *testing.T) {
	if testing.Short() {
		t.Skip("a whole upgrade of its own: make test-all")
	}
	t.Parallel()
	g := lay(t)
	g.certify(t)
	g.edit(t, "plan.yaml", "budget: 30m}", "budget: 30m, harden: [checksums, tls: {min: 1.3, certificate: db.crt, key: db.key}, scram, hba: strict, revoke_public_create, definer_search_path, log_logins]}")
	c := g.startClients(t)
	g.ask(t, "schedule", "plan.yaml")
	killed := map[string]int{}
	for _, step := range []string{"upgrade/checksums", "upgrade/harden"} {
		for _, wait := range []time.Duration{0, 100 * time.Millisecond, 400 * time.Millisecond} {
			hit := ""
			g.begin(t, "run").until([]moment{{wait: wait, after: func(f fact) bool {
				if f.Kind == "step_started" && (f.Event.Step == step || f.Event.Step == "upgrade/subscription") { // the step was done already
					hit = f.Event.Step
				}
				return hit != ""
			}}})
			killed[hit]++
		}
	}
	t.Logf("killed in: %v", killed)
	if killed["upgrade/checksums"] == 0 || killed["upgrade/harden"] == 0 {
		t.Errorf("killed in these steps: %v", killed)
	}
	if _, m := g.begin(t, "run").until(nil); m != nil {
		t.Fatalf("killed %s", m.name)
	}
	g.verifyMoved(t)
	c.verify(t)
	for setting, want := range map[string]string{"data_checksums": "on", "ssl_min_protocol_version": "TLSv1.3", "log_connections": "on"} {
		if got := column(t, g.at(g.target.Port, "app"), "SHOW "+setting); got[0] != want {
			t.Errorf("%s is %s", setting, got[0])
		}
	}
	if got := column(t, g.at(g.target.Port, "app"), "SELECT has_schema_privilege('pg_monitor', 'public', 'CREATE')::text"); got[0] != "false" {
		t.Error("everybody may create objects in schema public")
	}
	report := g.ask(t, "report", "plan.yaml")
	for _, want := range []string{"### Security before and after", "| Data checksums are off | warning: 1 | none |", "| The server does not speak TLS | warning: 1 | none |"} {
		if !strings.Contains(report, want) {
			t.Errorf("the report does not have %q:\n%s", want, report)
		}
	}
}

// certify puts a certificate for this machine beside the plan.
func (g *ground) certify(t *testing.T) {
	t.Helper()
	cert, key := pgtest.Certificate(t, x509.Certificate{})
	g.write(t, "db.crt", string(cert))
	g.write(t, "db.key", string(key))
}
