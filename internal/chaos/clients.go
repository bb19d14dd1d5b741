package chaos

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/ledger"
)

// clients write into every database through the pooler, and into one past it, from before the
// maintenance to after it.
type clients struct {
	w       *world
	stop    context.CancelFunc
	running sync.WaitGroup
	mu      sync.Mutex
	saw     map[string]ledger.Summary // by the name of the ledger
	failed  error
}

// direct is the ledger of a client that goes past the pooler, to the old server's own port.
const direct = "direct"

func (w *world) startClients(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	c := &clients{w: w, stop: cancel, saw: map[string]ledger.Summary{}}
	w.clients = c
	for _, db := range databases {
		c.begin(ctx, db, ledger.Options{DSN: w.through(db), File: w.ledger(db), Clients: 2, Rate: 25, Timeout: 20 * time.Second})
	}
	if err := c.first(ctx, databases...); err != nil { // one prepares the table that both write to
		return err
	}
	c.begin(ctx, direct, ledger.Options{DSN: w.past(w.source.Port, databases[0]), File: w.ledger(direct), Clients: 1, Rate: 10, Timeout: 20 * time.Second})
	return c.first(ctx, direct)
}

func (c *clients) begin(ctx context.Context, name string, o ledger.Options) {
	c.running.Go(func() {
		s, err := ledger.Run(ctx, o)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.saw[name] = s
		if err != nil {
			c.failed = errors.Join(c.failed, fmt.Errorf("ledger %s: %w", name, err))
		}
	})
}

// first waits for a commit in each of the ledgers.
func (c *clients) first(ctx context.Context, names ...string) error {
	for _, name := range names {
		for end := time.Now().Add(3 * time.Minute); ; {
			if s, err := ledger.ReadSummary(c.w.ledger(name)); err == nil && s.Acked > 0 {
				break
			}
			if !sleep(ctx, 20*time.Millisecond) || time.Now().After(end) {
				return fmt.Errorf("no first commit in %s", name)
			}
		}
	}
	return nil
}

func (w *world) ledger(name string) string { return filepath.Join(w.dir, "ledger."+name) }

// end stops them. It may be called again.
func (c *clients) end() {
	c.stop()
	c.running.Wait()
}

// verify ends the clients and looks what became of all they were told. Only where a fault
// lies in their own way may something of theirs have failed.
func (c *clients) verify(ctx context.Context, mayFail bool) (lost int, problems []error) {
	c.end()
	if c.failed != nil {
		problems = append(problems, c.failed)
	}
	for name, s := range c.saw {
		if s.Acked == 0 || s.StaleReads > 0 || s.SequencesBack > 0 || !mayFail && name != direct && !s.Sound() {
			problems = append(problems, fmt.Errorf("clients of %s: %s", name, s))
		}
		db := name
		if name == direct {
			db = databases[0]
		}
		v, err := ledger.Verify(ctx, c.w.through(db), c.w.ledger(name))
		if err != nil {
			problems = append(problems, fmt.Errorf("look up the commits of %s: %w", name, err))
			continue
		}
		lost += v.Lost.Count
		if !v.Sound() {
			problems = append(problems, fmt.Errorf("commits of %s: %s%s", name, v, c.elsewhere(ctx, name, db)))
		}
	}
	return lost, problems
}

// elsewhere tells what each server holds of a ledger, for whoever looks for a lost commit.
func (c *clients) elsewhere(ctx context.Context, name, db string) string {
	out := ""
	for side, port := range map[string]int{"old": c.w.source.Port, "new": c.w.target.Port} {
		if v, err := ledger.Verify(ctx, c.w.at(port, db), c.w.ledger(name)); err == nil {
			out += fmt.Sprintf("; the %s server has %d of %d", side, v.Found, v.Acked)
		}
	}
	return out
}
