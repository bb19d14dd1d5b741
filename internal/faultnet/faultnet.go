// Package faultnet is a network between two programs that can be made to fail, for tests and
// for the chaos harness.
//
// It must not know what the two say to each other.
package faultnet

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// Proxy is that network, in one direction of connecting. Close ends it.
type Proxy struct {
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

// New listens on a port of its own and passes on to another of this machine.
func New(to int) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the proxy: %w", err)
	}
	p := &Proxy{listener: l, to: fmt.Sprintf("127.0.0.1:%d", to), pairs: map[*pair]bool{}}
	p.end.Go(p.accept)
	return p, nil
}

// Port is the one that it listens on.
func (p *Proxy) Port() int {
	at, _ := p.listener.Addr().(*net.TCPAddr) // a listener of "tcp"
	return at.Port
}

func (p *Proxy) accept() {
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
func (p *Proxy) join(near *net.TCPConn) {
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
func (p *Proxy) enter(both *pair) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.pairs[both] = true
	}
	return !p.closed
}

// hangUp has nobody to tell that it failed: the other side is gone then.
func hangUp(conn *net.TCPConn) { _ = conn.Close() }

func (p *Proxy) carry(to, from *net.TCPConn) {
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
func (p *Proxy) pass() {
	p.mu.Lock()
	healed := p.healed
	p.mu.Unlock()
	if healed != nil {
		<-healed
	}
}

// BlackHole lets nothing pass, not even the news that a connection has ended, until it is healed.
func (p *Proxy) BlackHole() (heal func()) {
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

// Cut ends connections at both ends: all of them, or a part that chance chooses.
func (p *Proxy) Cut(random *rand.Rand, part float64) (n int) {
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

// Close ends all connections and waits for what carries them.
func (p *Proxy) Close() {
	p.listener.Close()
	p.mu.Lock()
	healed := p.healed
	p.healed, p.closed = nil, true
	p.mu.Unlock()
	if healed != nil {
		close(healed)
	}
	p.Cut(rand.New(rand.NewPCG(0, 0)), 2)
	p.end.Wait()
}
