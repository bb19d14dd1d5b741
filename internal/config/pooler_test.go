package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAGateOfHooks(t *testing.T) {
	t.Parallel()
	c, err := parseConfig("/srv/lull/lull.yaml", []byte(`
organization: Example
poolers:
  lb:
    gate: hooks
    hold: [haproxy/gate, hold, database]
    repoint: [/opt/gate, repoint]
    resume: [kubectl, apply]
    where: [./gate, where]
    within: {hold: 1s, where: 500ms}
  main: {gate: pgbouncer, admin: "host=127.0.0.1", config: pgbouncer.ini}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := Pooler{ID: "lb", Gate: GateHooks, Hooks: Hooks{
		Hold: []string{"/srv/lull/haproxy/gate", "hold", "database"}, Repoint: []string{"/opt/gate", "repoint"},
		Resume: []string{"kubectl", "apply"}, Where: []string{"/srv/lull/gate", "where"}, Dir: "/srv/lull",
		Within: HooksWithin{Hold: time.Second, Repoint: 5 * time.Second, Resume: 5 * time.Second, Where: 500 * time.Millisecond},
	}}
	if diff := cmp.Diff(want, c.Poolers["lb"], cmp.AllowUnexported(DSN{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := c.Poolers["main"]; got.Gate != GatePgBouncer || got.Config != "/srv/lull/pgbouncer.ini" {
		t.Errorf("got %+v", got)
	}
}
