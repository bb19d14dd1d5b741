package seed_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/pgserver"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/seed"
)

// TestChecksums turns them on, cut off at the first word of progress and at later moments, and shows that each page has one then.
func TestChecksums(t *testing.T) {
	t.Parallel()
	in, err := pgtest.Install(t, 17).RunAs("")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := in.Owner.TempDir()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	p := seed.Physical{Old: in, New: in, Data: filepath.Join(dir, "new")}
	s := pgserver.Server{Install: in, Data: p.Data, SocketDir: dir}
	if err := s.Init(t.Context(), pgserver.InitOptions{Superuser: "lull", Args: []string{"--no-sync"}}); err != nil {
		t.Fatal(err)
	}
	for _, after := range []time.Duration{0, 20 * time.Millisecond, 100 * time.Millisecond} { // whenever: each is a moment of its own
		ctx, cancel := context.WithTimeout(t.Context(), after)
		err := p.EnableChecksums(ctx, func(done, total float64) {})
		cancel()
		on, looked := p.HasChecksums(t.Context())
		if looked != nil || on != (err == nil) && on {
			t.Logf("cut off after %s: on %v, %v, %v", after, on, err, looked)
		}
		if looked != nil {
			t.Fatal(looked)
		}
		if on {
			break
		}
	}
	var told float64
	if on, err := p.HasChecksums(t.Context()); err != nil {
		t.Fatal(err)
	} else if !on {
		if err := p.EnableChecksums(t.Context(), func(_, total float64) { told = total }); err != nil {
			t.Fatal(err)
		}
		if told == 0 {
			t.Error("it did not say how far it was")
		}
	}
	said, err := in.Command(t.Context(), "pg_checksums", "--check", "--pgdata", p.Data).CombinedOutput()
	if err != nil || !strings.Contains(string(said), "Bad checksums:  0") {
		t.Errorf("%v: %s", err, said)
	}
}
