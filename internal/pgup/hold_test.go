package pgup

import (
	"testing"

	"github.com/lullhq/lull/internal/pgup/cluster"
)

// A hold that cannot be prepared, because a server has just died, is an error like any other.
func TestHoldThatCannotBePrepared(t *testing.T) {
	t.Parallel()
	nobody := cluster.Endpoint{Conninfo: "host=127.0.0.1 port=1 user=nobody dbname=postgres"}
	h, err := (&Upgrade{}).newHold(t.Context(), way{from: nobody, to: nobody})
	if h != nil || err == nil {
		t.Errorf("%v, %v", h, err)
	}
}
