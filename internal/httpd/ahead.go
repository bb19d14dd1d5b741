package httpd

import (
	"context"
	"sync"
	"time"
)

// catchUp is how long a reader who is ahead of this server waits for it: some polls, or a slow read.
const catchUp = 2 * time.Second

// reads lets requests wait until the record has been read.
type reads struct {
	mu   sync.Mutex
	next chan struct{} // closed when the next look has worked
}

func (r *reads) wait() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == nil {
		r.next = make(chan struct{})
	}
	return r.next
}

func (r *reads) worked() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next != nil {
		close(r.next)
		r.next = nil
	}
}

// caughtUp gives the state to begin with for a reader who has seen entry number seen. Several servers may read
// one record, and this one may be a moment behind the one that the reader comes from. false = it still
// is, because the record could not be read. A reader who is ahead of what was just read has seen another record.
func (s *Server) caughtUp(ctx context.Context, seen int64) (*snapshot, bool) {
	ctx, cancel := context.WithTimeout(ctx, catchUp)
	defer cancel()
	for again := false; ; again = true {
		looked := s.reads.wait()
		snap := s.snap.Load()
		if seen <= snap.seq() {
			return snap, true
		}
		select {
		case <-ctx.Done():
			return snap, false
		case <-looked:
		}
		if again { // the first of the two may have begun before the reader came
			return s.snap.Load(), true
		}
	}
}
