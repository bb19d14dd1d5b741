package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	perAddress   = 20_000           // listeners from one address of the loopback: each needs a port of its own
	joinDeadline = 10 * time.Second // for one of them
	tellDeadline = 30 * time.Second // until everyone has heard
	joining      = 64               // at once
)

// crowd is many connections that listen to one server. The kernel notes when something arrives at a socket, and one thread that
// comes after all others reads it: a reader has a machine of its own elsewhere, and here the server's processors.
type crowd struct {
	poll  int // epoll(7)
	socks []*os.File
	mu    sync.Mutex
	told  *telling
	gone  atomic.Int64
	ended sync.WaitGroup
	over  atomic.Bool
}

// telling is one message on its way to everyone.
type telling struct {
	way
	left int // who has not heard
	done chan struct{}
}

// way is how long a message took to the last listener: until it was at the socket, and until it was read there.
type way struct{ arrived, read time.Duration }

// gather connects n listeners.
func gather(ctx context.Context, address string, n int) (*crowd, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	request := []byte("GET " + u.RequestURI() + " HTTP/1.1\r\nHost: " + u.Host + "\r\nAccept: text/event-stream\r\n\r\n")
	c := &crowd{socks: make([]*os.File, n)}
	if c.poll, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("make a crowd: %w", err)
	}
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
	c.ended.Go(c.listen)
	return c, nil
}

// join connects one, and waits for the first word of its stream.
func (c *crowd) join(ctx context.Context, i int, host string, request []byte) error {
	d := net.Dialer{Timeout: joinDeadline, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+i/perAddress))}}
	conn, err := d.DialContext(ctx, "tcp", host)
	if err != nil {
		return fmt.Errorf("connect listener %d: %w", i+1, err)
	}
	defer conn.Close()                                       // its socket lives on in a file
	if err := conn.(*net.TCPConn).SetLinger(0); err != nil { // or its port waits for a minute, and the ports run out
		return fmt.Errorf("connect listener %d: %w", i+1, err)
	}
	in := bufio.NewReaderSize(conn, 1<<10)
	if err := greet(conn, in, request); err != nil {
		return fmt.Errorf("connect listener %d: %w", i+1, err)
	}
	if c.socks[i], err = conn.(*net.TCPConn).File(); err != nil {
		return fmt.Errorf("connect listener %d: %w", i+1, err)
	}
	fd := int(c.socks[i].Fd())
	if err := errors.Join(syscall.SetNonblock(fd, true), unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
		syscall.EpollCtl(c.poll, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)})); err != nil {
		return fmt.Errorf("connect listener %d: %w", i+1, err)
	}
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

// listen hears everyone until the crowd is closed. A message is short, and comes in one piece.
func (c *crowd) listen() {
	runtime.LockOSThread() // and never unlocked: the thread ends with its priority
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), 19)
	ready := make([]syscall.EpollEvent, 256)
	piece, beside := make([]byte, 16<<10), make([]byte, 64)
	const look = 100 // ms, to see whether it is over
	for !c.over.Load() {
		n, err := syscall.EpollWait(c.poll, ready, look)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return
		}
		for _, e := range ready[:max(0, n)] {
			size, note, _, _, err := unix.Recvmsg(int(e.Fd), piece, beside, 0)
			if err == nil && size == 0 || err != nil && !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR) {
				c.gone.Add(1)
				_ = syscall.EpollCtl(c.poll, syscall.EPOLL_CTL_DEL, int(e.Fd), nil) // or it is ready for ever
				continue
			}
			if told, found := instantIn(piece[:max(0, size)]); found {
				now := time.Now()
				c.heard(way{arrived: arrival(beside[:note], now).Sub(told), read: now.Sub(told)})
			}
		}
	}
}

// arrival is what the kernel noted (SO_TIMESTAMPNS, socket(7)), or else now.
func arrival(note []byte, now time.Time) time.Time {
	all, err := unix.ParseSocketControlMessage(note)
	if err != nil {
		return now
	}
	for _, m := range all {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= 16 {
			return time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:])))
		}
	}
	return now
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

func (c *crowd) heard(w way) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.told
	if t == nil {
		return
	}
	t.arrived, t.read = max(t.arrived, w.arrived), max(t.read, w.read)
	if t.left--; t.left == 0 {
		close(t.done)
	}
}

// tell publishes one message and gives how long it took to the last of the listeners.
func (c *crowd) tell(ctx context.Context, publish func(context.Context) error) (way, error) {
	t := &telling{left: len(c.socks), done: make(chan struct{})}
	c.mu.Lock()
	c.told = t
	c.mu.Unlock()
	if err := publish(ctx); err != nil {
		return way{}, err
	}
	select {
	case <-t.done:
		return t.way, nil
	case <-ctx.Done():
		return way{}, ctx.Err()
	case <-time.After(tellDeadline):
		c.mu.Lock()
		defer c.mu.Unlock()
		return way{}, fmt.Errorf("%d of %d listeners have not heard, %d have been let go", t.left, len(c.socks), c.gone.Load())
	}
}

func (c *crowd) close() {
	c.over.Store(true)
	c.ended.Wait()
	for _, sock := range c.socks {
		if sock != nil {
			_ = sock.Close() // nothing is expected of it any more
		}
	}
	_ = syscall.Close(c.poll)
}
