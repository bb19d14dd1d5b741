package pgserver

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/hint"
)

func pooler(t *testing.T, s Server) PgBouncer {
	t.Helper()
	program, err := FindPgBouncer()
	if err != nil {
		t.Fatalf("%v: %s", err, hint.Of(err))
	}
	b := PgBouncer{Program: program, Owner: s.Owner, Dir: folder(t, s.Owner), Port: port(t)}
	err = b.Configure(Pooling{
		Databases: map[string]string{"shop": fmt.Sprintf("host=127.0.0.1 port=%d dbname=postgres", s.Port)},
		Users:     map[string]string{"lull": secret},
		Settings:  map[string]string{"max_client_conn": "50"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return b
}

func TestPgBouncerLife(t *testing.T) {
	t.Parallel()
	s := copied(t)
	if err := s.Start(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	b := pooler(t, s)
	for how, start := range map[string]func(context.Context) error{"start": b.Start, "spawn": b.Spawn} {
		if err := start(t.Context()); err != nil {
			t.Fatalf("%s: %v", how, err)
		}
		cmd := s.Command(t.Context(), "psql", "-XAtc", "SELECT 'through'", "-d", b.DSN("shop", "lull"))
		cmd.Env = append(cmd.Env, "PGPASSWORD="+secret)
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != "through\n" {
			t.Errorf("%s: %v: %s", how, err, out)
		}
		for range 2 { // the second has nothing to do
			if err := b.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if b.Running() {
			t.Errorf("%s: it goes on running", how)
		}
	}
}

func TestPgBouncerPortTaken(t *testing.T) {
	t.Parallel()
	owner, err := OwnerNamed("")
	if err != nil {
		t.Fatal(err)
	}
	b := pooler(t, Server{Install: Install{Owner: owner}, Port: port(t)})
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(b.Port)))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for how, start := range map[string]func(context.Context) error{"start": b.Start, "spawn": b.Spawn} {
		if err := start(t.Context()); err == nil || !strings.Contains(hint.Of(err), "another port") {
			t.Errorf("%s: got %v, hint %q", how, err, hint.Of(err))
		}
		if b.Running() {
			t.Errorf("%s: it runs", how)
		}
	}
}

// What is wrong with the configuration is said before the pooler has a log.
func TestPgBouncerWrongSetting(t *testing.T) {
	t.Parallel()
	owner, err := OwnerNamed("")
	if err != nil {
		t.Fatal(err)
	}
	b := pooler(t, Server{Install: Install{Owner: owner}, Port: port(t)})
	if err := b.Configure(Pooling{Settings: map[string]string{"pool_mode": "sometimes"}}); err != nil {
		t.Fatal(err)
	}
	for how, start := range map[string]func(context.Context) error{"start": b.Start, "spawn": b.Spawn} {
		if err := start(t.Context()); err == nil || !strings.Contains(err.Error(), "sometimes") {
			t.Errorf("%s: got %v", how, err)
		}
	}
}

func TestPgBouncerNeverAsRoot(t *testing.T) {
	t.Parallel()
	owner, err := OwnerNamed("")
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 && owner.UID == 0 {
		t.Error("it would run as root")
	}
	if _, err := OwnerNamed("root"); os.Geteuid() == 0 && (err == nil || hint.Of(err) == "") {
		t.Errorf("root was taken: %v", err)
	}
}
