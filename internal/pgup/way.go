package pgup

import (
	"slices"

	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/gate"
)

// way is a direction in which clients are moved. There and back are the same hold: what
// differs is which server is closed and which is opened.
type way struct {
	name             string // of what the hold leaves behind: markers and the watchdog's files
	from, to         cluster.Endpoint
	fromAddr, toAddr gate.Addr
	fence            cluster.Fence // the databases as clients know them, on either server
	open             []string      // statements that let clients into the server they go to
	warm             []string      // of open, what may run before the hold as well
	belt             bool          // that server wears a belt while clients are not on it
}

// there moves clients from the source to the target.
func (u *Upgrade) there(fence cluster.Fence) (way, error) {
	from, err := u.sourceAddr()
	var turn []string
	if len(u.inv.Databases) > 0 {
		turn = []string{cluster.TurnSQL}
	}
	return way{from: u.Source, to: u.target, fromAddr: from, toAddr: u.targetAddr(), fence: fence,
		open: slices.Concat(turn, fence.OpenSQL()), warm: turn}, err
}

// back moves them from the target to the source.
func (u *Upgrade) back(fence cluster.Fence) (way, error) {
	to, err := u.sourceAddr()
	return way{name: "/back", from: u.target, to: u.Source, fromAddr: u.targetAddr(), toAddr: to, fence: fence,
		open: slices.Concat(fence.UnbeltSQL(), fence.OpenSQL()), belt: true}, err
}

// refence keeps clients out of the server that they did not get to.
func (w way) refence() []string {
	out := []string{w.fence.CloseSQL()}
	if w.belt {
		out = append(out, w.fence.BeltSQL()...)
	}
	return out
}
