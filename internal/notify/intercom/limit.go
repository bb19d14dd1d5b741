package intercom

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// keptBack requests of each window are not made: a process that was killed leaves nobody who knows what it has used,
// and the next one asks with one of these.
const keptBack = 2

// limit keeps requests within what Intercom allows in each of its windows of ten seconds. Each answer says how many are left, and
// when the window ends (headers X-RateLimit-Remaining and -Reset). Until the first answer one request goes at a time.
type limit struct {
	mu      sync.Mutex
	known   bool
	left    int           // that may still be sent in this window
	out     int           // that are not answered yet
	reset   time.Time     // when the window ends, by Intercom's clock
	ahead   time.Duration // by how much Intercom's clock is ahead of ours, at least
	changed chan struct{}
}

// wait returns when a request may be made. Each must be followed by done.
func (l *limit) wait(ctx context.Context, now func() time.Time) error {
	for {
		l.mu.Lock()
		if l.changed == nil {
			l.changed, l.ahead = make(chan struct{}), -24*time.Hour
		}
		over := l.known && !now().Add(l.ahead).Before(l.reset)
		if l.out == 0 && (!l.known || over) || l.known && !over && l.left > keptBack {
			l.left--
			l.out++
			l.mu.Unlock()
			return nil
		}
		changed, rest := l.changed, time.Second
		if l.known && !over {
			rest = min(rest, l.reset.Sub(now().Add(l.ahead)))
		}
		l.mu.Unlock()
		timer := time.NewTimer(max(rest, time.Millisecond))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-changed:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// done takes in what an answer says. nil = there was none.
func (l *limit) done(answer http.Header, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.out--
	defer func() {
		close(l.changed)
		l.changed = make(chan struct{})
	}()
	left, errLeft := strconv.Atoi(answer.Get("X-RateLimit-Remaining"))
	reset, errReset := strconv.ParseInt(answer.Get("X-RateLimit-Reset"), 10, 64)
	if errLeft != nil || errReset != nil {
		return
	}
	if at, err := http.ParseTime(answer.Get("Date")); err == nil {
		l.ahead = max(l.ahead, at.Sub(now)) // its seconds are whole: it is later there than it says
	} else {
		l.ahead = max(l.ahead, 0)
	}
	switch end := time.Unix(reset, 0); {
	case !l.known || end.After(l.reset):
		l.known, l.reset, l.left = true, end, left-l.out
	case end.Equal(l.reset):
		l.left = min(l.left, left-l.out)
	}
}
