package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

const (
	perAddress   = 20_000           // listeners from one address of the loopback: each needs a port of its own
	joinDeadline = 10 * time.Second // for one of them
	tellDeadline = 30 * time.Second // until everyone has heard
	joining      = 64               // at once
)

// crowd is many connections that listen to one server.
type crowd struct {
	conns []net.Conn
	mu    sync.Mutex
	told  *telling
	gone  atomic.Int64
}

// telling is one message on its way to everyone.
type telling struct {
	left atomic.Int64
	last atomic.Int64 // the longest way, ns
	done chan struct{}
}

// gather connects n listeners.
func gather(ctx context.Context, address string, n int) (*crowd, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	request := []byte("GET " + u.RequestURI() + " HTTP/1.1\r\nHost: " + u.Host + "\r\nAccept: text/event-stream\r\n\r\n")
	c := &crowd{conns: make([]net.Conn, n)}
	var next atomic.Int64
	var hands sync.WaitGroup
	errs := make([]error, joining)
	for hand := range joining {
		hands.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && errs[hand] == nil && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				errs[hand] = c.join(ctx, i, u.Host, request)
			}
		})
	}
	hands.Wait()
	if err := errors.Join(append(errs, ctx.Err())...); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// join connects one, and waits for the first word of its stream.
func (c *crowd) join(ctx context.Context, i int, host string, request []byte) error {
	d := net.Dialer{Timeout: joinDeadline, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+i/perAddress))}}
	conn, err := d.DialContext(ctx, "tcp", host)
	if err != nil {
		return fmt.Errorf("connect listener %d: %w", i+1, err)
	}
	c.conns[i] = conn
	in := bufio.NewReaderSize(conn, 1<<10)
	if err := greet(conn, in, request); err != nil {
		return fmt.Errorf("connect listener %d: %w", i+1, err)
	}
	go c.listen(in)
	return nil
}

func greet(conn net.Conn, in *bufio.Reader, request []byte) error {
	if err := conn.SetDeadline(time.Now().Add(joinDeadline)); err != nil {
		return err
	}
	if _, err := conn.Write(request); err != nil {
		return err
	}
	status, err := in.ReadString('\n')
	if err != nil {
		return err
	}
	if !bytes.Contains([]byte(status), []byte(" 200 ")) {
		return fmt.Errorf("it answers %q", status)
	}
	for line := []byte("x"); len(bytes.TrimSpace(line)) > 0; { // the head
		if line, err = in.ReadSlice('\n'); err != nil {
			return err
		}
	}
	if _, err := in.ReadByte(); err != nil {
		return err
	}
	return conn.SetDeadline(time.Time{})
}

// listen hears until the connection is closed.
func (c *crowd) listen(in *bufio.Reader) {
	for {
		line, err := in.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			c.gone.Add(1)
			return
		}
		if at, found := instantIn(line); found {
			c.heard(time.Since(at))
		}
	}
}

// instantIn finds when a message was told, in the message.
func instantIn(line []byte) (time.Time, bool) {
	_, rest, found := bytes.Cut(line, []byte(`"at":"`))
	if !found {
		return time.Time{}, false
	}
	text, _, found := bytes.Cut(rest, []byte(`"`))
	if !found {
		return time.Time{}, false
	}
	at, err := time.Parse(time.RFC3339Nano, string(text))
	return at, err == nil
}

func (c *crowd) heard(after time.Duration) {
	c.mu.Lock()
	t := c.told
	c.mu.Unlock()
	if t == nil {
		return
	}
	for last := t.last.Load(); int64(after) > last && !t.last.CompareAndSwap(last, int64(after)); last = t.last.Load() {
	}
	if t.left.Add(-1) == 0 {
		close(t.done)
	}
}

// tell publishes one message and gives how long it took to the last of the listeners.
func (c *crowd) tell(ctx context.Context, publish func(context.Context) error) (time.Duration, error) {
	t := &telling{done: make(chan struct{})}
	t.left.Store(int64(len(c.conns)))
	c.mu.Lock()
	c.told = t
	c.mu.Unlock()
	if err := publish(ctx); err != nil {
		return 0, err
	}
	select {
	case <-t.done:
		return time.Duration(t.last.Load()), nil
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(tellDeadline):
		return 0, fmt.Errorf("%d of %d listeners have not heard, %d have been let go", t.left.Load(), len(c.conns), c.gone.Load())
	}
}

func (c *crowd) close() {
	for _, conn := range c.conns {
		if conn != nil {
			_ = conn.Close() // nothing is expected of it any more
		}
	}
}
