package watchdog

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func TestNext(t *testing.T) {
	t.Parallel()
	tests := []struct {
		from state
		on   event
		to   state
		do   action
	}{
		{idle, askedHold, holding, hold},
		{idle, askedCommit, idle, refuse},
		{idle, askedRelease, idle, nothing},
		{idle, lost, idle, nothing},
		{idle, gone, ended, nothing},
		{holding, drained, held, nothing},
		{holding, lost, leaving, goBack},
		{held, askedHold, held, refuse},
		{held, askedCommit, leaving, commit},
		{held, askedRelease, leaving, goBack},
		{held, lost, leaving, goBack},
		{held, gone, leaving, goBack},
		{leaving, lost, leaving, nothing},
		{leaving, gone, leaving, nothing},
		{leaving, onSource, released, nothing},
		{leaving, onTarget, committed, nothing},
		{leaving, stuck, ended, nothing},
		{committed, askedCommit, committed, nothing},
		{committed, askedHold, committed, refuse},
		{committed, askedRelease, committed, refuse},
		{committed, lost, committed, nothing},
		{committed, gone, ended, nothing},
		{released, askedCommit, released, refuse},
		{released, askedRelease, released, nothing},
		{released, askedHold, holding, hold},
		{released, gone, ended, nothing},
		{held, "nonsense", held, nothing},
	}
	for _, tt := range tests {
		to, do := next(tt.from, tt.on)
		if to != tt.to || do != tt.do {
			t.Errorf("%s, %s: got %s, %s, want %s, %s", tt.from, tt.on, to, do, tt.to, tt.do)
		}
	}
}

// TestNoEventLosesClients drives the table at random: whoever holds clients leaves for a
// side as soon as the controller is lost, and once on the target there is no way back.
func TestNoEventLosesClients(t *testing.T) {
	t.Parallel()
	outside := []event{askedHold, askedCommit, askedRelease, lost, gone, "nonsense"}
	results := map[state][]event{holding: {drained, lost}, leaving: {onTarget, onSource, stuck}}
	rapid.Check(t, func(t *rapid.T) {
		s, moved := idle, false
		for range rapid.IntRange(1, 40).Draw(t, "length") {
			from := s
			events := outside
			if own, busy := results[s]; busy {
				events = own // an action is under way: only its end counts
			}
			e := rapid.SampledFrom(events).Draw(t, "event")
			var do action
			s, do = next(s, e)
			if from == held && (e == lost || e == gone) && (s != leaving || do != goBack) {
				t.Fatalf("held and %s: %s, %s", e, s, do)
			}
			if do == commit && from != held {
				t.Fatalf("commit from %s", from)
			}
			moved = moved || s == committed
			if moved && s != committed && s != ended {
				t.Fatalf("%s after committed", s)
			}
		}
	})
}

func TestLease(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		do   func(*lease)
		want error
		at   time.Duration // when it ends, after it began
	}{
		{"late", func(l *lease) {
			for range 100 {
				time.Sleep(heartbeat)
				l.beat()
			}
		}, errLate, 5 * time.Second},
		{"silent", func(l *lease) {
			time.Sleep(500 * time.Millisecond)
			l.beat()
			time.Sleep(time.Hour)
		}, errSilent, 1500 * time.Millisecond},
		{"gone", func(l *lease) { l.end(errGone) }, errGone, 0},
		{"asked", func(l *lease) { l.end(errAsked); time.Sleep(time.Hour); l.beat() }, errAsked, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var l lease
				began := time.Now()
				ctx := l.begin(t.Context(), 5*time.Second)
				if err := l.over(time.Now()); err != nil {
					t.Fatalf("over at once: %v", err)
				}
				var ended time.Time
				done := make(chan struct{})
				go func() {
					<-ctx.Done()
					ended = time.Now()
					close(done)
				}()
				tt.do(&l)
				<-done
				if cause := context.Cause(ctx); !errors.Is(cause, tt.want) || !errors.Is(l.over(time.Now()), tt.want) {
					t.Errorf("ended by %v, %v, want %v", cause, l.over(time.Now()), tt.want)
				}
				if got := ended.Sub(began); got != tt.at {
					t.Errorf("ended after %s, want %s", got, tt.at)
				}
				l.end(errAsked)
			})
		})
	}
}

// TestLeaseAfterStop asks before any timer had a chance to fire, as after SIGCONT.
func TestLeaseAfterStop(t *testing.T) {
	t.Parallel()
	var l lease
	l.begin(t.Context(), time.Hour)
	defer l.end(errAsked)
	if err := l.over(time.Now().Add(2 * silence)); !errors.Is(err, errSilent) {
		t.Errorf("got %v", err)
	}
	if err := l.over(time.Now().Add(time.Hour)); !errors.Is(err, errLate) {
		t.Errorf("got %v", err)
	}
}

func TestLeaseOfTheDead(t *testing.T) {
	t.Parallel()
	var l lease
	if err := l.over(time.Now()); err != nil {
		t.Errorf("no lease is over: %v", err)
	}
	l.end(errGone)
	if ctx := l.begin(t.Context(), time.Hour); !errors.Is(context.Cause(ctx), errGone) {
		t.Error("a dead controller got a lease")
	}
}
