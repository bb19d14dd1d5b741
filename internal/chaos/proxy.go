package chaos

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// proxy is the network between two programs, where it can be made to fail.
type proxy struct {
	listener net.Listener
	to       string

	mu     sync.Mutex
	pairs  map[*pair]bool
	closed bool
	healed chan struct{} // nothing passes until it is closed; nil: everything passes
	end    sync.WaitGroup
}

// pair is a connection, from both its ends.
type pair struct{ near, far *net.TCPConn }

// newProxy listens on a port of its own and passes on to the other, once that is known.
func newProxy(to int) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the proxy: %w", err)
	}
	p := &proxy{listener: l, to: fmt.Sprintf("127.0.0.1:%d", to), pairs: map[*pair]bool{}}
	p.end.Go(p.accept)
	return p, nil
}

func (p *proxy) port() int {
	at, _ := p.listener.Addr().(*net.TCPAddr) // a listener of "tcp"
	return at.Port
}

func (p *proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		near, _ := conn.(*net.TCPConn)
		p.end.Go(func() { p.join(near) })
	}
}

// join connects one side with the other. A black hole swallows what would open a connection as well.
func (p *proxy) join(near *net.TCPConn) {
	defer hangUp(near)
	p.pass()
	conn, err := net.DialTimeout("tcp", p.to, 5*time.Second)
	if err != nil {
		_ = near.SetLinger(0) // refused there, so refused here
		return
	}
	far, _ := conn.(*net.TCPConn)
	defer hangUp(far)
	both := &pair{near, far}
	if !p.enter(both) {
		return
	}
	var ways sync.WaitGroup
	ways.Go(func() { p.carry(near, far) })
	ways.Go(func() { p.carry(far, near) })
	ways.Wait()
	p.mu.Lock()
	delete(p.pairs, both)
	p.mu.Unlock()
}

// enter is false once the proxy is closed: nobody would end the connection any more.
func (p *proxy) enter(both *pair) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.pairs[both] = true
	}
	return !p.closed
}

// hangUp has nobody to tell that it failed: the other side is gone then.
func hangUp(conn *net.TCPConn) { _ = conn.Close() }

func (p *proxy) carry(to, from *net.TCPConn) {
	defer func() { _ = to.CloseWrite() }()
	for b := make([]byte, 64<<10); ; {
		n, err := from.Read(b)
		p.pass()
		if n > 0 {
			if _, failed := to.Write(b[:n]); failed != nil {
				_ = from.CloseRead()
				return
			}
		}
		if err != nil {
			if err != io.EOF {
				_ = to.SetLinger(0)
			}
			return
		}
	}
}

// pass returns when the network is well.
func (p *proxy) pass() {
	p.mu.Lock()
	healed := p.healed
	p.mu.Unlock()
	if healed != nil {
		<-healed
	}
}

// blackHole lets nothing pass, not even the news that a connection has ended, until it is healed.
func (p *proxy) blackHole() (heal func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.healed != nil {
		return func() {}
	}
	healed := make(chan struct{})
	p.healed = healed
	return sync.OnceFunc(func() {
		p.mu.Lock()
		p.healed = nil
		p.mu.Unlock()
		close(healed)
	})
}

// cut ends connections at both ends: all of them, or a part that chance chooses.
func (p *proxy) cut(random *rand.Rand, part float64) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for both := range p.pairs {
		if random.Float64() >= part {
			continue
		}
		n++
		for _, conn := range []*net.TCPConn{both.near, both.far} {
			_ = conn.SetLinger(0) // a reset, as of a network that is gone
			hangUp(conn)
		}
	}
	return n
}

func (p *proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	healed := p.healed
	p.healed, p.closed = nil, true
	p.mu.Unlock()
	if healed != nil {
		close(healed)
	}
	p.cut(rand.New(rand.NewPCG(0, 0)), 2)
	p.end.Wait()
}

// sleep returns false when the context ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
