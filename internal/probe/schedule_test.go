package probe

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestSpread(t *testing.T) {
	t.Parallel()
	ten := 10 * time.Second
	got := spread([]time.Duration{ten, ten, ten, time.Hour, ten})
	want := []time.Duration{0, 2 * time.Second, 4 * time.Second, 18 * time.Second, 8 * time.Second}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// log is what a schedule has begun, in seconds after the start.
type log struct {
	mu    sync.Mutex
	lines []string
}

func (l *log) add(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

// Each look keeps to its own place, one that takes long leaves out what it has missed, and
// one that is unsure comes sooner once.
func TestSchedule(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var l log
		s := schedule{
			every: []time.Duration{4 * time.Second, 3 * time.Second, 10 * time.Second},
			first: []time.Duration{time.Second, 0, 2 * time.Second},
			look: func(_ context.Context, i int, due time.Time) time.Duration {
				now := time.Since(start)
				l.add("%d at %.0f", i, now.Seconds())
				if late := time.Since(due); late != 0 {
					t.Errorf("%d is %s late", i, late)
				}
				switch {
				case i == 1:
					time.Sleep(4 * time.Second)
				case i == 2 && now < 3*time.Second:
					return 1500 * time.Millisecond
				}
				return 0
			},
		}
		ctx, cancel := context.WithTimeout(t.Context(), 14500*time.Millisecond)
		defer cancel()
		s.run(ctx)
		want := []string{
			"1 at 0", "0 at 1", "2 at 2", "2 at 4", // 3.5, rounded to even
			"0 at 5", "1 at 6", "0 at 9", "1 at 12", "2 at 12", "0 at 13",
		}
		slices.Sort(l.lines)
		slices.Sort(want)
		if !slices.Equal(l.lines, want) {
			t.Errorf("got  %v\nwant %v", l.lines, want)
		}
	})
}

// What is due beyond the bound begins when another look has ended.
func TestNoMoreAtOnceThanAllowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const more = 100
		every := make([]time.Duration, mostAtOnce+more)
		for i := range every {
			every[i] = time.Hour
		}
		start := time.Now()
		var mu sync.Mutex
		began := map[time.Duration]int{}
		s := schedule{every: every, first: make([]time.Duration, len(every)), look: func(context.Context, int, time.Time) time.Duration {
			mu.Lock()
			began[time.Since(start)]++
			mu.Unlock()
			time.Sleep(time.Second)
			return 0
		}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		s.run(ctx)
		if began[0] != mostAtOnce || began[time.Second] != more {
			t.Errorf("began %v", began)
		}
	})
}
