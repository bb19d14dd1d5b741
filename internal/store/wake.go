package store

import (
	"context"
	"time"
)

// Wake gives hints that the record may have grown, until ctx ends. They may come too often, and some
// may be lost: whoever must miss nothing polls as well. The channel has room for one hint and is never closed.
func (s *Store) Wake(ctx context.Context) <-chan struct{} {
	hints := make(chan struct{}, 1)
	go s.engine.watch(ctx, func() {
		select {
		case hints <- struct{}{}:
		default:
		}
	})
	return hints
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
