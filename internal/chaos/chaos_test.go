package chaos_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/chaos"
)

var (
	seed = flag.Uint64("seed", 1, "seed of the selection and of all that is left to chance")
	only = flag.String("only", "", "cases to run instead of the selection, such as target-killed@held")
)

// TestSelection is a small part of make chaos: real servers, and a few things that go wrong.
func TestSelection(t *testing.T) {
	t.Parallel()
	cases := 6
	if testing.Short() {
		cases = 1
	}
	t.Logf("repeat with: go test ./internal/chaos -run TestSelection -seed %d", *seed)
	o := chaos.Options{
		Seed: *seed, Cases: cases, Parallel: 3, Moments: 20, Dir: t.TempDir(), Out: told{t},
		// Writes that every run makes, where something is half done.
		Writes: []string{"lease", "upgrade/slots kept", "upgrade/base-backup started", "upgrade/pg-upgrade done", "upgrade/switch kept", "upgrade/switch done"},
		Only: []string{"killed-at-write", "killed-at-random", "target-killed@upgrade/catch-up", "source-restarted@held", "pooler-killed@held",
			"connection-cut@held", "black-hole@upgrade/switch", "disk-full@upgrade/pg-upgrade", "disk-full@upgrade/catch-up", "ddl@upgrade/catch-up", "rollback-killed@held again"},
	}
	if *only != "" {
		o.Only, o.Cases = strings.Split(*only, ","), 0
	}
	r, err := chaos.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r)
	if !r.Sound() || r.Faults == 0 {
		t.Errorf("not all faults were survived")
		for _, row := range r.Rows {
			t.Logf("%+v", row)
		}
	}
}

// told puts the table into the test's log.
type told struct{ *testing.T }

func (t told) Write(b []byte) (int, error) {
	t.Log(strings.TrimSuffix(string(b), "\n"))
	return len(b), nil
}

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(m.Run())
}
