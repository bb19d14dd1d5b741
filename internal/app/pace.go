package app

import (
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/forecast"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
)

// pace says that the work will be late, as soon as that is to be expected: the page and the notices follow from
// it. Of a step that took longer than expected it puts on record what the machine waited for meanwhile.
type pace struct {
	watch forecast.Watch
	m     maint.Maintenance
	said  int // how often it was said to be late
	began map[string]pressure
	slow  []remark
	read  func() pressure
	late  func() // is told when this run has said that it will be late
	// window gives that of the record: somebody may have made it longer meanwhile. nil = nobody does.
	window func() (maint.Window, error)
}

// remark is what is to be put on record, and its key.
type remark struct {
	key string
	e   maint.Event
}

// newPace watches a plan's window. What was expected of the steps is on record.
func newPace(p *config.Plan) (*pace, error) {
	_, end, err := p.Window.Resolve()
	return &pace{
		watch: forecast.Watch{Live: forecast.NewLive(nil), End: end, Allow: p.Window.Allow},
		m:     maint.Maintenance{ID: p.ID}, began: map[string]pressure{}, read: readPressure, late: func() {},
	}, err
}

// Past implements run.Pace.
func (p *pace) Past(at time.Time, e maint.Event) {
	p.m = p.m.Apply(e, at)
	switch e := e.(type) {
	case maint.Forecast:
		p.watch.Live.Parts = e.Parts
	case maint.Late:
		p.watch.Told = e.ExpectedEnd
		p.said++
	case maint.Extended:
		p.extend(e.Window)
	}
	p.watch.Live.Apply(e, at)
}

// Recorded implements run.Pace.
func (p *pace) Recorded(at time.Time, e maint.Event) {
	p.Past(at, e)
	switch e := e.(type) {
	case maint.StepStarted:
		p.began[e.Step] = p.read()
	case maint.StepFinished:
		p.explain(e)
	case maint.Late:
		p.late()
	}
}

// extend gives it more time than the plan had when the run began.
func (p *pace) extend(w maint.Window) {
	if _, end, err := w.Resolve(); err == nil && end.After(p.watch.End) {
		p.watch.End, p.watch.Allow = end, w.Allow
	}
}

// explain notes what was waited for while a step ran that took longer than expected.
func (p *pace) explain(e maint.StepFinished) {
	before, ok := p.began[e.Step]
	now := p.read()
	if !ok || !before.known || !now.known || !p.watch.Live.Slow(e.Step, e.Took) {
		return
	}
	share := func(waited time.Duration) float64 { return min(1, waited.Seconds()/e.Took.Seconds()) }
	disk, processor := share(now.disk-before.disk), share(now.processor-before.processor)
	text := fmt.Sprintf("“%s” took longer than expected. Meanwhile something on this machine waited for the disk %.0f %% of the time, and for a processor %.0f %%.", e.Title, 100*disk, 100*processor)
	p.slow = append(p.slow, remark{fmt.Sprintf("slow/%s/%d", e.Step, e.Attempt),
		maint.Noted{Step: e.Step, Text: text, Figures: maint.Figures{"disk_wait_share": disk, "processor_wait_share": processor}}})
}

// Sampled implements run.Pace.
func (p *pace) Sampled(s run.Progress) {
	if s.Total > 0 {
		p.watch.Live.Sample(s.Step, s.Done/s.Total, s.At)
	}
}

// Say implements run.Pace.
func (p *pace) Say(now time.Time) (string, maint.Event) {
	if !p.m.Running() {
		return "", nil
	}
	if p.window != nil && p.watch.Live.End(now).After(p.watch.Known()) {
		if w, err := p.window(); err == nil { // without an answer people are told of an end that is too early, and that is late
			p.extend(w)
		}
	}
	if late, due := p.watch.Late(now); due {
		return fmt.Sprintf("late/%d", p.said+1), late
	}
	if len(p.slow) == 0 {
		return "", nil
	}
	first := p.slow[0]
	p.slow = p.slow[1:]
	return first.key, first.e
}
