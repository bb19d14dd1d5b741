package pgup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

// Watch is what the new server is watched for after the switch.
type Watch struct {
	Baseline    *Baseline // nil: what was usual before is not known, and nothing is ever past a limit
	From, Until time.Time
	Tell        func(Sample) // called after each look; returns at once
}

// Sample is one look at the new server.
type Sample struct {
	At      time.Time     `json:"at"`
	Left    time.Duration `json:"left"`
	Verdict Verdict       `json:"verdict"`
	Cold    bool          `json:"cold,omitempty"`    // too early for slow statements to mean anything
	Trouble string        `json:"trouble,omitempty"` // why the look was not possible
	Blind   string        `json:"blind,omitempty"`   // why statements are not compared
}

// End is why the watching ended.
type End string

// The ends.
const (
	TimeOver   End = "time over"
	Stopped    End = "stopped"     // by whoever watched
	LimitsPast End = "limits past" // clients are better off on the old server, by the plan
	Moved      End = "moved"       // clients are not on the new server any more
)

// Conclusion is what the watching came to.
type Conclusion struct {
	End     End
	Verdict Verdict // of the last windows; of all that was watched when time is over
	Watched time.Duration
}

// Bake watches the new server until the time is over, ctx ends, clients are moved away, or
// the plan's limits are passed. It changes nothing on any server and needs no lease. What
// cannot be read is told and tried again: a server that does not answer is no reason to go
// back by itself, because what it has taken since the switch could not be brought along.
func (u *Upgrade) Bake(ctx context.Context, w Watch) (Conclusion, error) {
	b := baking{
		Watch: w, pace: paceOf(u.BakeFor), limits: u.RollBackIf, now: time.Now, there: u.onTarget,
		open: func(ctx context.Context) (*cluster.Meter, error) { return cluster.OpenMeter(ctx, u.target) },
	}
	return b.run(ctx)
}

// pace is how often the server is looked at, and how long it takes to be sure.
type pace struct {
	every  time.Duration
	window time.Duration
	needed int           // windows in a row that must be past a limit
	warmUp time.Duration // in which slow statements are no reason to go back: caches fill
}

// paceOf suits a day, and shrinks for rehearsals.
func paceOf(bake time.Duration) pace {
	window := min(time.Minute, max(2*time.Second, bake/15))
	return pace{every: max(window/12, 500*time.Millisecond), window: window, needed: 3, warmUp: min(5*time.Minute, bake/6)}
}

// baking is one Bake.
type baking struct {
	Watch
	pace
	limits Limits
	now    func() time.Time
	there  func(context.Context) (bool, error)
	open   func(context.Context) (*cluster.Meter, error)

	meter  *cluster.Meter
	trail  trail
	first  *cluster.Workload
	away   int       // looks in a row that found no clients on the new server
	looked time.Time // for clients
	began  time.Time
}

func (b *baking) run(ctx context.Context) (Conclusion, error) {
	b.began, b.trail.pace = b.now(), b.pace
	defer b.drop()
	for {
		if moved, err := b.moved(ctx); err != nil {
			return b.conclude(Stopped, Verdict{}), err
		} else if moved {
			return b.conclude(Moved, Verdict{}), nil
		}
		s := b.look(ctx)
		if ctx.Err() != nil {
			return b.conclude(Stopped, s.Verdict), nil
		}
		b.Tell(s)
		switch {
		case s.Verdict.Grade == Past:
			return b.conclude(LimitsPast, s.Verdict), nil
		case s.Left == 0:
			return b.conclude(TimeOver, b.whole()), nil
		}
		select {
		case <-ctx.Done():
			return b.conclude(Stopped, s.Verdict), nil
		case <-time.After(min(b.every, s.Left)):
		}
	}
}

func (b *baking) conclude(end End, v Verdict) Conclusion {
	return Conclusion{End: end, Verdict: v, Watched: b.now().Sub(b.began)}
}

// moved looks once a window where clients are. Twice in a row elsewhere is an answer: once may be a hold.
func (b *baking) moved(ctx context.Context) (bool, error) {
	if !b.looked.IsZero() && b.now().Sub(b.looked) < b.window {
		return false, nil
	}
	first := b.looked.IsZero()
	b.looked = b.now()
	there, err := b.there(ctx)
	switch {
	case err != nil && first && ctx.Err() == nil:
		return false, err // it never worked: a mistake rather than a bad moment
	case err != nil:
		return false, nil
	case there:
		b.away = 0
		return false, nil
	}
	b.away++
	return b.away > 1, nil
}

// look takes one reading and judges it.
func (b *baking) look(ctx context.Context) Sample {
	s := Sample{At: b.now(), Left: max(0, b.Until.Sub(b.now())), Cold: b.cold(b.now())}
	w, err := b.read(ctx)
	if err != nil {
		s.Trouble = err.Error()
		s.Verdict.Grade = Fine
		return s
	}
	if b.first == nil {
		b.first = &w
	}
	b.trail.add(w)
	windows, full := b.trail.windows()
	if b.Baseline == nil {
		s.Blind, s.Verdict = "what was usual before the switch is not on record", Baseline{}.judge(Limits{}, windows, false, true)
		return s
	}
	if s.Blind = w.Blind; s.Blind == "" {
		s.Blind = b.Baseline.Blind
	}
	s.Verdict = b.Baseline.judge(b.limits, windows, full, b.cold(b.now().Add(-time.Duration(b.needed)*b.window)))
	return s
}

func (b *baking) cold(at time.Time) bool { return at.Before(b.From.Add(b.warmUp)) }

// read opens a session anew when the one before it is lost.
func (b *baking) read(ctx context.Context) (cluster.Workload, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if b.meter == nil {
		m, err := b.open(ctx)
		if err != nil {
			return cluster.Workload{}, err
		}
		b.meter = m
	}
	w, err := b.meter.Read(ctx)
	if err != nil {
		b.drop()
	}
	return w, err
}

func (b *baking) drop() {
	if b.meter != nil {
		b.meter.Close()
		b.meter = nil
	}
}

// whole is the verdict on all of the time that was watched.
func (b *baking) whole() Verdict {
	if b.first == nil || len(b.trail.readings) == 0 || b.Baseline == nil {
		return Verdict{Grade: Fine}
	}
	all, length := b.trail.readings[len(b.trail.readings)-1].Since(*b.first)
	return b.Baseline.judge(Limits{}, []span{{all, length}}, false, false)
}

// trail are the readings of the last windows.
type trail struct {
	pace
	readings []cluster.Workload
}

func (t *trail) add(w cluster.Workload) {
	t.readings = append(t.readings, w)
	begin := w.At.Add(-time.Duration(2*t.needed) * t.window) // spans are longer than a window where readings are late
	for len(t.readings) > 1 && !t.readings[1].At.After(begin) {
		t.readings = t.readings[1:]
	}
}

// windows cuts the trail into spans that follow each other, the newest first. It is full
// when there are as many as needed, none of them with a gap in it.
func (t *trail) windows() (out []span, full bool) {
	end := len(t.readings) - 1
	for len(out) < t.needed {
		begin := t.before(t.readings[end].At.Add(-t.window))
		if begin < 0 {
			break
		}
		w, length := t.readings[end].Since(t.readings[begin])
		if length > 2*t.window {
			return out, false
		}
		out, end = append(out, span{w, length}), begin
	}
	if len(out) == 0 && end > 0 {
		w, length := t.readings[end].Since(t.readings[0])
		return []span{{w, length}}, false
	}
	return out, len(out) == t.needed
}

// before is the newest reading that is not after the moment, or -1.
func (t *trail) before(at time.Time) int {
	for i := len(t.readings) - 1; i >= 0; i-- {
		if !t.readings[i].At.After(at) {
			return i
		}
	}
	return -1
}

// Text is the line for the terminal.
func (s Sample) Text() string {
	left := left(s.Left)
	if s.Trouble != "" {
		return "the new server does not answer: " + s.Trouble + "; " + left
	}
	v := s.Verdict
	if v.Window == 0 {
		return "the first look at the new server; " + left
	}
	rate := func(n int64) float64 { return float64(n) / v.Window.Seconds() }
	share := 0.0
	if v.Transactions > 0 {
		share = float64(v.Failed) / float64(v.Transactions)
	}
	text := fmt.Sprintf("%s: errors %.3g a minute (%s of %.3g transactions/s, %s before); ", v.Grade, 60*rate(v.Failed), percentText(share), rate(v.Transactions), percentText(v.FailedBefore))
	switch {
	case v.Reason != "":
		text += v.Reason
		if s.Cold && len(v.Slower) > 0 {
			text += " (its cache is still cold)"
		}
	case s.Blind != "":
		text += "statements are not compared: " + s.Blind
	case v.Measured == 0:
		text += "no statement ran often enough to be compared"
	default:
		text += fmt.Sprintf("statements compared: %d, none is slower", v.Measured)
	}
	return text + "; " + left
}

func left(d time.Duration) string {
	if d >= time.Minute {
		d = d.Round(time.Minute)
		return fmt.Sprintf("%dh %02dm left", int(d.Hours()), int(d.Minutes())%60)
	}
	return d.Round(time.Second).String() + " left"
}

// ErrNotWatched says that a conclusion was asked for of a watching that came to none.
var ErrNotWatched = errors.New("the new server was not watched to an end")

// Note is the conclusion for the timeline.
func (c Conclusion) Note(step string) (maint.Noted, error) {
	v := c.Verdict
	share := 0.0
	if v.Transactions > 0 {
		share = float64(v.Failed) / float64(v.Transactions)
	}
	figures := maint.Figures{"watched_s": c.Watched.Seconds(), "failed_share": share, "failed_share_before": v.FailedBefore, "statements_compared": float64(v.Measured), "statements_slower": float64(len(v.Slower))}
	n := maint.Noted{Step: step, Figures: figures}
	switch c.End {
	case TimeOver:
		n.Text = fmt.Sprintf("The new server was watched for %s. Of %d transactions %s failed, %s before. Statements compared with before: %d, slower: %d.",
			c.Watched.Round(time.Second), v.Transactions, percentText(share), percentText(v.FailedBefore), v.Measured, len(v.Slower))
		if v.Reason != "" {
			n.Text += " The worst: " + v.Reason + "."
		}
	case LimitsPast:
		n.Text = fmt.Sprintf("The new server is past the limits of the plan, %s after the watching began: %s.", c.Watched.Round(time.Second), v.Reason)
	default:
		return n, ErrNotWatched
	}
	return n, nil
}
