package run

import (
	"context"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
)

// Pace follows how the steps go, and says something of it when that is due: that the work will end later than
// people were told. Its methods are called one at a time.
type Pace interface {
	// Past gives what was on record when this run began.
	Past(at time.Time, e maint.Event)
	// Recorded gives what this run puts on record.
	Recorded(at time.Time, e maint.Event)
	// Sampled gives how far the running step is.
	Sampled(p Progress)
	// Say gives what is to be put on record now. The key makes it once only. A nil event says nothing.
	Say(now time.Time) (key string, e maint.Event)
}

// paceEvery is how often the pace is asked. Steps that end are told to it at once.
const paceEvery = time.Second

// paced makes a Pace safe for all who tell it something. Without one it does nothing.
type paced struct {
	mu   sync.Mutex
	pace Pace
}

func (p *paced) recorded(at time.Time, e maint.Event) {
	p.with(func(q Pace) { q.Recorded(at, e) })
}

func (p *paced) sampled(s Progress) { p.with(func(q Pace) { q.Sampled(s) }) }

func (p *paced) with(do func(Pace)) {
	if p.pace == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	do(p.pace)
}

// keepPace asks once a second until what it returns is called.
func (d *drive) keepPace() (stop func()) {
	if d.pace.pace == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(d.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		t := time.NewTicker(paceEvery)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
			}
			d.saySo()
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// saySo has no error to give: a write that failed ends the drive.
func (d *drive) saySo() {
	var key string
	var e maint.Event
	now := d.now()
	d.pace.with(func(p Pace) { key, e = p.Say(now) })
	if e != nil {
		_ = d.commit(Checkpoint{}, timeline.Draft{Key: key, At: now, Event: e})
	}
}
