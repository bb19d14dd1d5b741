package pgup

import (
	"strings"
	"testing"
	"time"
)

func TestPredict(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		rates rates
		hold  time.Duration
		part  string
	}{
		"idle":                  {rates{Console: ms / 2, Close: 2 * ms, Marker: 6 * ms, Look: ms, Carry: ms, Open: 3 * ms}, 2*ms + 2*ms + 7*ms + 5500*time.Microsecond, "the last changes"},
		"an open transaction":   {rates{Oldest: 400 * ms, Console: ms / 2, Marker: 6 * ms}, 400*ms + 2*ms + 6*ms + 2500*time.Microsecond, "open transactions"},
		"many sequences":        {rates{Marker: 6 * ms, Look: ms, Carry: 900 * ms, Sequences: 9000}, 903 * ms, "the last changes"},
		"many sessions":         {rates{Marker: 6 * ms, Look: ms, Carry: ms, Inside: 40, Leave: 5 * ms}, 204 * ms, "the end of all sessions"},
		"a slow disk":           {rates{Marker: ms, Open: 50 * ms}, 51 * ms, "opening"},
		"many databases closed": {rates{Close: 70 * ms, Marker: ms}, 71 * ms, "closing"},
	} {
		f := predict(c.rates)
		if f.hold() != c.hold || !strings.Contains(f.longest(), c.part) {
			t.Errorf("%s: predicted %s, most of it for %s; want %s for %s", name, f.hold(), f.longest(), c.hold, c.part)
		}
	}
}

func TestTolerated(t *testing.T) {
	t.Parallel()
	for waited, want := range map[time.Duration]time.Duration{
		0: 0, settling: 0, 6 * time.Second: 120 * time.Millisecond, 20 * time.Second: 400 * time.Millisecond, time.Hour: time.Second,
	} {
		if got := tolerated(waited, time.Second); got != want {
			t.Errorf("after %s a transaction may be %s old, want %s", waited, got, want)
		}
	}
}
