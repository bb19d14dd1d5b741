package probe

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// mostAtOnce bounds the looks that wait for an answer at one time, and with them memory and
// open files. What is due beyond it begins late.
const mostAtOnce = 4096

// schedule begins many looks, each at its own interval. One goroutine minds them all, and
// each look has one for as long as it takes, so that waiting costs nothing.
//
// A look that takes longer than its interval leaves out what it has missed: nothing is looked
// at twice at the same time.
type schedule struct {
	every []time.Duration
	first []time.Duration // after the start
	// look does one look, and says how soon to look again if that is before its time; 0 = in time.
	look func(ctx context.Context, i int, due time.Time) (soon time.Duration)
}

// spread gives n looks their places in the interval of each, evenly and the same every time.
// Those of long intervals begin within firstWithin as well.
func spread(every []time.Duration) []time.Duration {
	first := make([]time.Duration, len(every))
	for i, e := range every {
		first[i] = time.Duration(float64(min(e, firstWithin)) * float64(i) / float64(len(every)))
	}
	return first
}

// firstWithin is how long after the start everything has been looked at once.
const firstWithin = 30 * time.Second

// ended is a look that has come back.
type ended struct {
	i    int
	soon time.Duration
}

// run looks until ctx ends, and returns when the last look has.
func (s schedule) run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	start := time.Now()
	due := make(queue, len(s.every))
	for i := range s.every {
		due[i] = entry{start.Add(s.first[i]), i}
	}
	heap.Init(&due)
	back := make(chan ended, 64)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for out := 0; ; {
		for ; out < mostAtOnce && due.ready(time.Now()); out++ {
			e := heap.Pop(&due).(entry)
			wg.Go(func() {
				soon := s.look(ctx, e.i, e.at)
				select {
				case back <- ended{e.i, soon}:
				case <-ctx.Done():
				}
			})
		}
		if out < mostAtOnce && len(due) > 0 {
			timer.Reset(time.Until(due[0].at))
		}
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case e := <-back:
			out--
			heap.Push(&due, entry{s.next(start, e, time.Now()), e.i})
		}
	}
}

// next keeps to the look's own place in its interval, however late the one before it was.
func (s schedule) next(start time.Time, e ended, now time.Time) time.Time {
	at := start.Add(s.first[e.i])
	if gone := now.Sub(at); gone >= 0 {
		at = at.Add((gone/s.every[e.i] + 1) * s.every[e.i])
	}
	if soon := now.Add(e.soon); e.soon > 0 && soon.Before(at) {
		return soon
	}
	return at
}

// entry is a look and when it is due.
type entry struct {
	at time.Time
	i  int
}

// queue is a heap of them, the next one first.
type queue []entry

func (q queue) ready(now time.Time) bool { return len(q) > 0 && !q[0].at.After(now) }

func (q queue) Len() int           { return len(q) }
func (q queue) Less(a, b int) bool { return q[a].at.Before(q[b].at) }
func (q queue) Swap(a, b int)      { q[a], q[b] = q[b], q[a] }
func (q *queue) Push(e any)        { *q = append(*q, e.(entry)) }

func (q *queue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	*q = (*q)[:last]
	return e
}
