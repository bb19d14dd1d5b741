package httpd

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
	"github.com/lullhq/lull/internal/view"
)

// follower is what Follow knows between two looks at the record.
type follower struct {
	after    int64
	entries  []timeline.PublicEntry
	progress map[maint.ID]view.Progress
	readAt   time.Time // the last look that worked
	failing  bool
}

// Follow keeps the page true until ctx ends. Serve runs it; whoever mounts Handler elsewhere runs it beside. Polling
// is the truth; what the source tells in between only makes it come sooner.
func (s *Server) Follow(ctx context.Context) {
	var beating sync.WaitGroup
	defer beating.Wait()
	beating.Go(func() { s.beat(ctx) })
	for ctx.Err() == nil {
		_ = s.refresh(ctx) // it is logged there, and tried again
		s.rest(ctx)
	}
}

// rest ends with the interval of polling, or when there is something to read.
func (s *Server) rest(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Poll)
	defer cancel()
	s.opts.Source.Await(ctx, s.follower.after)
	if s.follower.failing {
		<-ctx.Done() // what cannot be read is not asked for without pause
	}
}

// refresh looks at the record once and shows what is new.
func (s *Server) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	fresh, progress, err := s.look(ctx)
	now := s.opts.Now()
	s.report(err)
	if err != nil {
		s.counts.unread.Add(1)
		s.age(now)
		return err
	}
	s.readAt.Store(&now)
	f := &s.follower
	moved := !maps.EqualFunc(f.progress, progress, view.Progress.Same)
	f.entries, f.progress, f.readAt = append(f.entries, fresh...), progress, now
	if old := s.snap.Load(); old == nil || len(fresh) > 0 || moved || old.due(now) || old.aged() {
		s.show(view.Page(s.opts.Catalog, f.entries, progress, now), now, fresh)
	}
	s.reads.worked()
	return nil
}

// look reads everything after what is known already.
func (s *Server) look(ctx context.Context) ([]timeline.PublicEntry, map[maint.ID]view.Progress, error) {
	progress, err := s.opts.Source.Progress(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("read progress: %w", err)
	}
	var fresh []timeline.PublicEntry
	after := s.follower.after
	for {
		entries, next, err := s.opts.Source.Read(ctx, after, batch)
		if err != nil {
			return nil, nil, fmt.Errorf("read the record after %d: %w", after, err)
		}
		fresh = append(fresh, entries...)
		if next <= after {
			s.follower.after = after
			return fresh, maps.Clone(progress), nil
		}
		after = next
	}
}

// age shows the last state again, and how old it is, once that is worth saying.
func (s *Server) age(now time.Time) {
	old := s.snap.Load()
	if old == nil || now.Sub(s.follower.readAt) < staleAfter || (old.aged() && !old.due(now)) {
		return
	}
	f := s.follower
	s.show(view.Page(s.opts.Catalog, f.entries, f.progress, now).Aged(f.readAt, now), now, nil)
}

// report logs when reading begins to fail and when it works again, and not in between.
func (s *Server) report(err error) {
	if failing := err != nil; failing != s.follower.failing {
		s.follower.failing = failing
		if failing {
			s.opts.Log.Warn("the record cannot be read, the last page is shown", "error", err)
		} else {
			s.opts.Log.Info("the record can be read again")
		}
	}
}

// show makes the page the one that is served, and then tells who listens: in this
// order, so that whoever asks for the page upon an event gets the new one.
func (s *Server) show(page view.PageModel, now time.Time, fresh []timeline.PublicEntry) {
	old := s.snap.Load()
	next := s.newSnapshot(page, now, s.follower.entries)
	s.snap.Store(next)
	if old == nil {
		s.tell(page, true)
		s.signal()
		return // nobody can have joined yet
	}
	news := bundleOf(next.shown(fresh)) // each of them makes the reader fetch the page, progress included
	turned := news.last > 0
	if !turned {
		news, turned = next.changes(old)
	}
	if len(news.frame) > 0 {
		s.hub.send(news)
	}
	s.tell(page, turned)
	if turned {
		s.signal()
	}
}

// tell passes the page on to those who have streams of their own.
func (s *Server) tell(page view.PageModel, turned bool) {
	if s.opts.Widget != nil {
		s.opts.Widget.Show(page, turned)
	}
}
