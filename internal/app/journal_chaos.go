//go:build chaos

package app

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/store"
	"github.com/lullhq/lull/internal/timeline"
)

// Of the tests that break things: the moments at which this process ends as if by kill -9, each "before WRITE"
// or "after WRITE", with ; between them; a file that gets the one at which it did; and a file that gets
// the name of every write.
const (
	killVariable  = "LULL_CHAOS_KILL"
	diedVariable  = "LULL_CHAOS_DIED"
	traceVariable = "LULL_CHAOS_WRITES"
)

// journal dies at the first of its moments that comes.
func journal(s *store.Store) run.Journal {
	return &mortal{Journal: s, moments: strings.Split(os.Getenv(killVariable), ";"), trace: os.Getenv(traceVariable), seen: map[string]int{}}
}

type mortal struct {
	run.Journal
	moments []string
	trace   string

	mu   sync.Mutex
	seen map[string]int
}

func (m *mortal) Acquire(ctx context.Context, id maint.ID) (run.Lease, error) {
	name := m.begin("lease")
	lease, err := m.Journal.Acquire(ctx, id)
	m.at("after", name)
	return lease, err
}

func (m *mortal) Commit(ctx context.Context, lease run.Lease, cp run.Checkpoint, facts ...timeline.Draft) error {
	name := m.begin(nameOf(cp, facts))
	err := m.Journal.Commit(ctx, lease, cp, facts...)
	m.at("after", name)
	return err
}

// begin numbers writes of the same name, and is the moment before one.
func (m *mortal) begin(name string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen[name]++
	if n := m.seen[name]; n > 1 {
		name = fmt.Sprintf("%s %d", name, n)
	}
	if m.trace != "" {
		if f, err := os.OpenFile(m.trace, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err == nil {
			fmt.Fprintln(f, name)
			f.Close()
		}
	}
	m.at("before", name)
	return name
}

func (m *mortal) at(when, name string) {
	if moment := when + " " + name; slices.Contains(m.moments, moment) {
		_ = os.WriteFile(os.Getenv(diedVariable), []byte(moment), 0o600)
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // until it arrives
	}
}

// nameOf says what a write is about, in words that are the same in every run.
func nameOf(cp run.Checkpoint, facts []timeline.Draft) string {
	switch {
	case cp.Step != "" && cp.Status == run.Started && cp.Memo != nil:
		return cp.Step + " kept"
	case cp.Step != "":
		return cp.Step + " " + string(cp.Status)
	case len(facts) == 0:
		return "nothing"
	}
	e := facts[0].Event
	if step := reflect.ValueOf(e).FieldByName("Step"); step.IsValid() && step.String() != "" {
		return step.String() + " " + e.Kind()
	}
	return e.Kind()
}
