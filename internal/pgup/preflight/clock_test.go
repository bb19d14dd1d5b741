package preflight

import (
	"strings"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
)

func TestClock(t *testing.T) {
	t.Parallel()
	conn := pgtest.Start(t, 13, pgtest.Options{}).Connect(t, "postgres")
	for _, c := range []struct {
		by   time.Duration // this machine's clock, against what it is
		want string        // is in the detail; "" = nothing is found
	}{{0, ""}, {-time.Hour, "ahead of this machine"}, {time.Hour, "behind this machine"}} {
		found, err := clockOf(func() time.Time { return time.Now().Add(c.by) })(t.Context(), conn, checks.Subject{})
		switch {
		case err != nil:
			t.Fatal(err)
		case c.want == "":
			if len(found) > 0 {
				t.Errorf("by %s: %v is found", c.by, found)
			}
		case len(found) != 1 || !strings.Contains(found[0].Detail, c.want):
			t.Errorf("by %s: found %v", c.by, found)
		}
	}
}
