package auth

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Throttle lets each of many through so often and no oftener, in bounded memory: it keeps two
// generations of names, and forgets the older one when the younger is full.
type Throttle struct {
	limit rate.Limit
	burst int
	size  int

	mu         sync.Mutex
	young, old map[string]*rate.Limiter
}

// NewThrottle lets every name through burst times at once, and then once per interval. It
// remembers the last size names at least, and twice as many at most.
func NewThrottle(interval time.Duration, burst, size int) *Throttle {
	return &Throttle{limit: rate.Every(interval), burst: burst, size: size, young: map[string]*rate.Limiter{}}
}

// Take counts one, and says whether it is one too many and how long to wait then.
func (t *Throttle) Take(name string, now time.Time) (wait time.Duration, ok bool) {
	l := t.limiter(name)
	if l.AllowN(now, 1) {
		return 0, true
	}
	return time.Duration((1 - l.TokensAt(now)) / float64(t.limit) * float64(time.Second)), false
}

func (t *Throttle) limiter(name string) *rate.Limiter {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l, ok := t.young[name]; ok {
		return l
	}
	l, ok := t.old[name]
	if !ok {
		l = rate.NewLimiter(t.limit, t.burst)
	}
	if len(t.young) >= t.size {
		t.young, t.old = map[string]*rate.Limiter{}, t.young
	}
	t.young[name] = l
	return l
}
