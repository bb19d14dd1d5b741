package httpd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
)

// Serve follows the record and answers on the listener until ctx ends or Shutdown
// is called. Then it lets go of those who listen to events, waits for the answers
// in flight, and returns nil. A server serves once.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	_ = s.refresh(ctx) // the first reader is to see a page; what goes wrong is logged, and tried again
	var following sync.WaitGroup
	following.Go(func() { s.Follow(ctx) })
	defer following.Wait()
	defer cancel()

	ended := make(chan error, 1)
	go func() { ended <- s.http.Serve(ln) }()
	select {
	case err := <-ended:
		if !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve on %s: %w", ln.Addr(), err)
		}
	case <-ctx.Done():
	}
	drain, done := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer done()
	return s.Shutdown(drain)
}

// Shutdown ends the server: listeners to events first, because they would never end
// by themselves. Those who are not done when ctx ends are cut off. Twice is legal.
func (s *Server) Shutdown(ctx context.Context) error {
	s.ending.Store(true)
	s.hub.close()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return s.http.Close()
	}
	if err != nil {
		return fmt.Errorf("shut the server down: %w", err)
	}
	return nil
}
