package faultnet

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// echo answers with what it is told. It gives its port.
func echo(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn); conn.Close() }()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", p.Port()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// say sends a word and reads it back, within a while.
func say(conn net.Conn, within time.Duration) error {
	if _, err := conn.Write([]byte("word")); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	b := make([]byte, 4)
	_, err := io.ReadFull(conn, b)
	return err
}

func TestProxy(t *testing.T) {
	t.Parallel()
	p, err := New(echo(t))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	old := dial(t, p)
	if err := say(old, 10*time.Second); err != nil {
		t.Fatalf("an untouched connection: %v", err)
	}
	heal := p.BlackHole()
	if err := say(old, 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("an old connection in a black hole: %v", err)
	}
	if err := say(dial(t, p), 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a new connection in a black hole: %v", err)
	}
	heal()
	if _, err := io.ReadFull(old, make([]byte, 0)); err != nil {
		t.Fatal(err)
	}
	if err := say(old, 10*time.Second); err != nil { // the answer to the word before comes first
		t.Errorf("after the black hole: %v", err)
	}
	if n := p.Cut(rand.New(rand.NewPCG(1, 1)), 1); n == 0 {
		t.Error("nothing was cut")
	}
	b := make([]byte, 64)
	var failed error
	for failed == nil { // what was under way comes first
		_, failed = old.Read(b)
	}
	if !errors.Is(failed, syscall.ECONNRESET) {
		t.Errorf("a connection that was cut: %v", failed)
	}
	if err := say(dial(t, p), 10*time.Second); err != nil {
		t.Errorf("a new connection after the cut: %v", err)
	}
}
