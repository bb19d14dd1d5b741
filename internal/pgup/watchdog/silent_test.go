package watchdog

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/faultnet"
	"github.com/lullhq/lull/internal/pgup/gate"
)

// remote puts a network that can fail between the watchdog and the pooler's console. Clients
// have another way to the pooler.
func (r *rig) remote(t *testing.T) *faultnet.Proxy {
	t.Helper()
	network, err := faultnet.New(r.bouncer.Port)
	must(t, err)
	t.Cleanup(network.Close)
	r.spec.Poolers[0].Admin = fmt.Sprintf("%s port=%d", r.bouncer.DSN("pgbouncer"), network.Port())
	return network
}

// cutOff has the console fall silent while clients are held: the decision cannot be made, and
// they go on at the source without anybody's answer.
func cutOff(t *testing.T, r *rig) {
	network := r.remote(t)
	w, err := Start(t.Context(), os.Args[0], r.spec)
	must(t, err)
	defer w.Close()
	must(t, w.Hold(t.Context(), 10*time.Second))
	heal := network.BlackHole()
	defer heal()
	cut := time.Now()
	decided := make(chan error, 1)
	go func() { decided <- w.Commit() }()
	r.settled(t, gate.Source, cut)
	heal()
	if err := <-decided; !errors.Is(err, ErrReleased) {
		t.Errorf("commit gave %v", err)
	}
	r.recorded(t, Released)
}

// cutOffAndKilled is the same with nobody left who could ask for anything.
func cutOffAndKilled(t *testing.T, r *rig) {
	network := r.remote(t)
	c := startController(t, r.spec)
	c.want("hold 10s", "ok")
	heal := network.BlackHole()
	defer heal()
	c.kill()
	r.settled(t, gate.Source, time.Now())
	heal()
	r.recorded(t, Released)
}
