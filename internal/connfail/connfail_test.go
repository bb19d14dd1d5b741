package connfail_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lullhq/lull/internal/connfail"
)

func TestShort(t *testing.T) {
	t.Parallel()
	closed := listener(t)
	closed.Close()
	silent := listener(t)
	go hangUp(silent)
	nobody, gone := closed.Addr().(*net.TCPAddr).Port, silent.Addr().(*net.TCPAddr).Port
	for _, test := range []struct {
		dsn  string
		want string
		is   error
	}{
		{fmt.Sprintf("host=127.0.0.1 port=%d", nobody), fmt.Sprintf("dial tcp 127.0.0.1:%d: connect: connection refused", nobody), syscall.ECONNREFUSED},
		{fmt.Sprintf("host=127.0.0.1,127.0.0.1 port=%d,%d sslmode=disable", nobody, gone), "connection refused; ", syscall.ECONNREFUSED},
		{"host=/nonexistent port=1", "dial unix /nonexistent/.s.PGSQL.1: connect: no such file or directory", syscall.ENOENT},
	} {
		_, err := pgconn.Connect(t.Context(), test.dsn+" user=u dbname=d password=hunter2")
		got := connfail.Short(err)
		if !strings.Contains(got.Error(), test.want) || strings.ContainsAny(got.Error(), "\n\t") || !errors.Is(got, test.is) {
			t.Errorf("%s: got %q, want %q on one line, wrapping %v", test.dsn, got, test.want, test.is)
		}
	}
}

// What is no failure to connect is left alone.
func TestShortLeavesOthers(t *testing.T) {
	t.Parallel()
	if got := connfail.Short(context.Canceled); got != context.Canceled {
		t.Errorf("got %v", got)
	}
	if got := connfail.Short(nil); got != nil {
		t.Errorf("got %v", got)
	}
}

func listener(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// hangUp takes connections and ends them after the first message.
func hangUp(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = io.ReadFull(conn, make([]byte, 8))
		conn.Close()
	}
}
