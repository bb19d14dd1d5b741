package httpd

import (
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
)

const (
	shards    = 16      // of listeners: one that joins waits for a sixteenth of a broadcast at most
	spareFile = 1 << 10 // open files that are left for readers of the page and for the record
	maxFiles  = 100_000 // listeners, whatever the system would allow
	minFiles  = 1 << 10 // listeners, on a system that allows next to nothing
)

// hub hands events to all who listen.
//
// A listener costs a socket and a few words, no goroutine and no buffer of its own: what is to be sent is
// written once, from here, and the kernel's buffer of the connection is the queue. When that is
// full the listener does not keep up, and is let go: it comes back with the last id that it saw,
// and loses nothing.
type hub struct {
	shards  [shards]shard
	next    atomic.Uint64 // the shard of the next listener
	count   atomic.Int64
	limit   int64
	sent    atomic.Int64 // events, times listeners
	dropped atomic.Int64
}

// shard is a part of the listeners, so that two processors can write and joining does not wait for all.
type shard struct {
	mu        sync.Mutex
	seq       int64 // of the last entry that was sent here
	listeners map[*listener]struct{}
	closed    bool
}

func newHub(limit int64) *hub {
	h := &hub{limit: limit}
	for i := range h.shards {
		h.shards[i].listeners = map[*listener]struct{}{}
	}
	return h
}

// roomForListeners leaves files for everyone else: a page that cannot be opened any more
// because too many listen to it would be the wrong one of the two.
func roomForListeners() int64 {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return minFiles
	}
	return min(maxFiles, max(minFiles, int64(min(files.Cur, 1<<30))-spareFile))
}

// enter says whether there is room for one more. Whoever entered and does not join must leave.
func (h *hub) enter() bool {
	if h.count.Add(1) > h.limit {
		h.leave()
		return false
	}
	return true
}

func (h *hub) leave() { h.count.Add(-1) }

// join takes the listener in if nothing was sent since the entry that it has got to. It says whether it did, and
// whether there is a hub to join still.
func (h *hub) join(l *listener) (joined, open bool) {
	s := &h.shards[h.next.Add(1)%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || l.sent < s.seq {
		return false, !s.closed
	}
	s.listeners[l] = struct{}{}
	return true, true
}

// send writes the events to everyone, by as many hands as there are processors.
func (h *hub) send(b bundle) {
	var hands sync.WaitGroup
	var at atomic.Int64
	for range min(runtime.GOMAXPROCS(0), shards) {
		hands.Go(func() {
			for i := at.Add(1) - 1; i < shards; i = at.Add(1) - 1 {
				h.sendTo(&h.shards[i], b)
			}
		})
	}
	hands.Wait()
}

func (h *hub) sendTo(s *shard, b bundle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq = max(s.seq, b.last)
	w := writer{frame: b.frame}
	for l := range s.listeners {
		switch {
		case b.last != 0 && l.sent >= b.last: // it was among what the listener got when it joined
		case w.to(l):
			l.sent = max(l.sent, b.last)
			h.sent.Add(1)
		default:
			h.drop(s, l)
		}
	}
}

// beat writes a comment to one shard, so that proxies keep its connections open, and lets those go
// whose readers have gone.
func (h *hub) beat(i int) {
	s := &h.shards[i%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	w := writer{frame: []byte(": still here\n\n")}
	for l := range s.listeners {
		if l.gone() || !w.to(l) {
			h.drop(s, l)
		}
	}
}

func (h *hub) drop(s *shard, l *listener) {
	delete(s.listeners, l)
	h.dropped.Add(1)
	l.close()
	h.leave()
}

// close lets everyone go, and nobody in any more. Twice is legal.
func (h *hub) close() {
	for i := range h.shards {
		s := &h.shards[i]
		s.mu.Lock()
		s.closed = true
		for l := range s.listeners {
			delete(s.listeners, l)
			l.close()
			h.leave()
		}
		s.mu.Unlock()
	}
}
