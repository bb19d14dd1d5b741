package pgup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lullhq/lull/internal/connfail"
)

// TestPatience: what a restart or a cut does is waited for, what somebody asked for wrongly is not.
func TestPatience(t *testing.T) {
	t.Parallel()
	sql := func(code string) error {
		return fmt.Errorf("look: %w", &pgconn.PgError{Code: code, Message: "m"})
	}
	for name, tt := range map[string]struct {
		err  error
		want bool
	}{
		"session ended by an administrator": {sql("57P01"), true},
		"server crashed":                    {sql("57P02"), true},
		"server is starting up":             {sql("57P03"), true},
		"pooler has no server":              {sql("08P01"), true},
		"statement timeout":                 {sql("57014"), false},
		"no permission":                     {sql("42501"), false},
		"disk full":                         {sql("53100"), false},
		"cut":                               {fmt.Errorf("ask the source: %w", io.ErrUnexpectedEOF), true},
		"reset":                             {&net.OpError{Op: "read", Err: syscall.ECONNRESET}, true},
		"a budget that is over":             {context.DeadlineExceeded, false},
		"rows differ":                       {errors.New("rows differ"), false},
		"refused":                           {refusedBy(t, func(l net.Listener) { l.Close() }), true},
		"closed before it answers":          {refusedBy(t, hangUp), true},
	} {
		if got := Patience(tt.err, 1) > 0; got != tt.want {
			t.Errorf("%s: waits %v, want %v (%v)", name, got, tt.want, tt.err)
		}
	}
	var all time.Duration
	try := 1
	for ; Patience(io.EOF, try) > 0; try++ {
		all += Patience(io.EOF, try)
	}
	if all < 45*time.Second || all > 90*time.Second {
		t.Errorf("it waits %s in %d tries", all, try)
	}
}

// refusedBy is the error of a real connection to a port of ours.
func refusedBy(t *testing.T, serve func(net.Listener)) error {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	serve(l)
	_, err = pgx.Connect(t.Context(), "postgres://lull@"+l.Addr().String()+"/postgres?connect_timeout=10")
	if err == nil {
		t.Fatal("connected to nothing")
	}
	return connfail.Short(err)
}

// hangUp takes connections and ends them at once, as a server does that is going down.
func hangUp(l net.Listener) {
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
}
