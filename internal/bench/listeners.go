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

// crowd is many connections that listen to one server. The kernel notes when something arrives at a socket, and what has arrived is
// read later: elsewhere a reader has a machine of its own, and here it would take the server's processors.
type crowd struct {
	poll  int // epoll(7)
	socks []*os.File
	gone  int
	after string // an event that the server sends right after each message, and that counts as the end of it; "" = none
}

// gather connects n listeners. header gives lines that the request of one has more than the others, each with its end; nil = none.
func gather(ctx context.Context, address string, n int, header func(i int) string) (*crowd, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	if header == nil {
		header = func(int) string { return "" }
	}
	request := func(i int) []byte {
		return []byte("GET " + u.RequestURI() + " HTTP/1.1\r\nHost: " + u.Host + "\r\nAccept: text/event-stream\r\n" + header(i) + "\r\n")
	}
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
				errs[hand] = c.join(ctx, i, u.Host, request(i))
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
	defer func() { _ = conn.Close() }()                      // its socket lives on in a file
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

// read reads what has arrived, and gives how many have heard a message and the longest that one was on its way. A message is
// short, and comes in one piece.
func (c *crowd) read() (heard int, last time.Duration, err error) {
	ready := make([]syscall.EpollEvent, 256)
	piece, beside := make([]byte, 16<<10), make([]byte, 64)
	for {
		n, err := syscall.EpollWait(c.poll, ready, 0)
		if err != nil && !errors.Is(err, syscall.EINTR) || n == 0 {
			return heard, last, err
		}
		for _, e := range ready[:max(0, n)] {
			size, note, _, _, err := unix.Recvmsg(int(e.Fd), piece, beside, 0)
			if err == nil && size == 0 || err != nil && !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR) {
				c.gone++
				_ = syscall.EpollCtl(c.poll, syscall.EPOLL_CTL_DEL, int(e.Fd), nil) // or it is ready for ever
				continue
			}
			told, alone, found := c.instantIn(piece[:max(0, size)])
			if found {
				heard++
			}
			if found && alone {
				last = max(last, arrival(beside[:note]).Sub(told))
			}
		}
	}
}

// arrival is what the kernel noted (SO_TIMESTAMPNS, socket(7)). Without a note it is now, which is later.
func arrival(note []byte) time.Time {
	all, _ := unix.ParseSocketControlMessage(note) // what cannot be read is no note
	for _, m := range all {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= 16 {
			return time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:])))
		}
	}
	return time.Now()
}

// instantIn finds when a message was told, in the message. It is alone when nothing follows: the kernel notes the arrival of
// what came last, and that would be a heartbeat's.
func (c *crowd) instantIn(piece []byte) (told time.Time, alone, found bool) {
	_, rest, found := bytes.Cut(piece, []byte(`"at":"`))
	if !found {
		return time.Time{}, false, false
	}
	text, rest, found := bytes.Cut(rest, []byte(`"`))
	if !found {
		return time.Time{}, false, false
	}
	_, more, _ := bytes.Cut(rest, []byte("\n\n"))
	told, err := time.Parse(time.RFC3339Nano, string(text))
	alone = len(bytes.TrimSpace(more)) == 0 // a chunk ends with a line of its own
	if c.after != "" && bytes.Contains(more, []byte(c.after)) {
		alone = !bytes.Contains(more, []byte("\n:")) // the line of a heartbeat
	}
	return told, alone, err == nil
}

// glance is how often it is looked whether all have heard.
const glance = 250 * time.Millisecond

// tell publishes one message and gives how long it took to the last of the listeners.
func (c *crowd) tell(ctx context.Context, publish func(context.Context) error) (last time.Duration, err error) {
	if err := publish(ctx); err != nil {
		return 0, err
	}
	left := len(c.socks)
	for end := time.Now().Add(tellDeadline); left > 0; {
		if time.Now().After(end) {
			return 0, fmt.Errorf("%d of %d listeners have not heard, %d have been let go", left, len(c.socks), c.gone)
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(glance):
		}
		heard, longest, err := c.read()
		if err != nil {
			return 0, fmt.Errorf("read what has arrived: %w", err)
		}
		left, last = left-heard, max(last, longest)
	}
	return last, nil
}

func (c *crowd) close() {
	for _, sock := range c.socks {
		if sock != nil {
			_ = sock.Close() // nothing is expected of it any more
		}
	}
	_ = syscall.Close(c.poll)
}
