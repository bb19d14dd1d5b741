package httpd

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"
)

// listener is a connection that was taken over from the HTTP server.
type listener struct {
	conn net.Conn
	raw  syscall.RawConn
	sent int64 // the last entry that it has got; its shard's once it has joined
}

var errNotPlain = errors.New("the connection is not a plain one of HTTP/1.1")

// takeOver answers the request on the bare connection. The server's goroutine and its buffers, which would be
// 20 KB for each listener, end with the handler. The stream has no length: it ends with the connection
// (RFC 9112, section 6.3).
func takeOver(w http.ResponseWriter) (*listener, error) {
	head := bytes.NewBufferString("HTTP/1.1 200 OK\r\nConnection: close\r\n")
	if err := w.Header().Write(head); err != nil {
		return nil, fmt.Errorf("write the head of a stream: %w", err)
	}
	head.WriteString("\r\n")
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, errNotPlain
	}
	l := &listener{conn: conn}
	if c, ok := conn.(syscall.Conn); ok {
		l.raw, err = c.SyscallConn()
	}
	if l.raw == nil || err != nil {
		return nil, errors.Join(errNotPlain, conn.Close())
	}
	if err := l.write(head.Bytes()); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return l, nil
}

// write waits for a reader that takes its time, up to a limit: for what comes before the listener joins.
func (l *listener) write(b []byte) error {
	if err := l.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if _, err := l.conn.Write(b); err != nil {
		return err
	}
	return l.conn.SetWriteDeadline(time.Time{})
}

func (l *listener) close() { _ = l.conn.Close() } // nobody waits for it any more

// gone says whether the reader has closed its end. What a reader says is not listened to.
func (l *listener) gone() bool {
	var scrap [64]byte
	var n int
	err := l.raw.Read(func(fd uintptr) bool {
		var failed error
		n, failed = again(func() (int, error) { return syscall.Read(int(fd), scrap[:]) })
		if failed != nil {
			n = 1 // there is nothing to read: it is there and silent. What is wrong otherwise shows when it is written to.
		}
		return true
	})
	return err != nil || n == 0
}

// writer writes the same frame to many, and waits for none of them.
type writer struct {
	frame []byte
	n     int
	err   error
	do    func(fd uintptr) bool
}

// to says whether the whole frame has gone out.
func (w *writer) to(l *listener) bool {
	if w.do == nil { // once for all, and not once for each listener
		w.do = func(fd uintptr) bool {
			w.n, w.err = again(func() (int, error) { return syscall.Write(int(fd), w.frame) })
			return true
		}
	}
	err := l.raw.Write(w.do)
	return err == nil && w.err == nil && w.n == len(w.frame)
}

// again repeats a call that a signal has interrupted.
func again(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, syscall.EINTR) {
			return n, err
		}
	}
}
