package e2e

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/pgserver"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
)

// TestGateOfCommands is a whole maintenance and its way back through the commands of the
// manual's example: PgBouncer holds the clients, and an HAProxy behind it leads to the server.
// The run is killed once while clients are held.
func TestGateOfCommands(t *testing.T) {
	if testing.Short() {
		t.Skip("a whole upgrade of its own: make test-all")
	}
	t.Parallel()
	g := lay(t)
	g.behindHAProxy(t)
	c := g.startClients(t)
	before := g.fingerprint(t)
	if said := g.ask(t, "check", "--quick", "plan.yaml"); strings.Contains(said, "blocker") {
		t.Errorf("lull check says: %s", said)
	}
	g.ask(t, "schedule", "plan.yaml")
	g.makeHoldsLast(t, true)
	if _, at := g.begin(t, "run").until([]moment{{name: "while clients are held", place: theSwitch, after: kind(held)}}); at == nil {
		t.Error("the run was not killed")
	}
	g.makeHoldsLast(t, false)
	g.ask(t, "run", "plan.yaml")
	g.verifyMoved(t)
	g.ask(t, "rollback", "plan.yaml")
	g.verifyBack(t)
	c.verify(t)
	eventually(t, "the end of lull's sessions", func() bool { return len(g.leftOn(t, g.source.Port)) == 0 })
	verifySame(t, before, g.fingerprint(t))
	g.verifyProcesses(t)
}

// behindHAProxy puts an HAProxy between the pooler and the server, and the example's commands
// into lull.yaml. They start programs inside the hold, so the plan allows it more time.
func (g *ground) behindHAProxy(t *testing.T) {
	t.Helper()
	h := pgtest.StartHAProxy(t, g.source, pgtest.Edits{"console=": `console="` + g.pooler.DSN("pgbouncer") + `"`})
	p := pgserver.Pooling{
		Databases: map[string]string{},
		Users:     map[string]string{pgtest.Superuser: g.pooler.Password, client: client},
		Settings:  map[string]string{"admin_users": pgtest.Superuser, "server_login_retry": "1"},
	}
	for _, db := range databases {
		p.Databases[db] = "host=127.0.0.1 port=" + strconv.Itoa(h.Port)
	}
	g.pooler.Reconfigure(t, p)
	gate := "{gate: hooks, within: {hold: 10s, repoint: 5s, resume: 5s, where: 5s}"
	for _, hook := range []string{"hold", "repoint", "resume", "where"} {
		gate += fmt.Sprintf(", %s: [%s, %s]", hook, h.File("pgbouncer-gate"), hook)
	}
	g.edit(t, "lull.yaml", g.gate(), gate+"}")
	g.edit(t, "plan.yaml", "budget: 30m}", "budget: 30m, hold_budget: 10s}")
	g.mayWait = 10*time.Second + (5+5+2*5)*time.Second // the budget, and what docs/gates.md says of the limits
}

// edit changes a file that is there already.
func (g *ground) edit(t *testing.T, name, old, now string) {
	t.Helper()
	b, err := os.ReadFile(g.dir + "/" + name)
	must(t, err)
	if !strings.Contains(string(b), old) {
		t.Fatalf("%s has no %q", name, old)
	}
	g.write(t, name, strings.Replace(string(b), old, now, 1))
}
