package probe

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/lullhq/lull/internal/hint"
)

// maxBanner is how much of what a server says first is read.
const maxBanner = 4 << 10

// TCP connects to a port.
type TCP struct {
	Address string // host:port
	Banner  string // what the server says by itself holds this; "" = it need not say anything
}

// Look implements Looker.
func (t TCP) Look(ctx context.Context) error {
	conn, err := (&net.Dialer{KeepAlive: -1}).DialContext(ctx, "tcp", t.Address)
	if err != nil {
		return hint.Wrap(named(err), "see that something listens there, and that nothing between keeps you off")
	}
	defer func() { _ = conn.Close() }() // it was only looked at
	if t.Banner == "" {
		return nil
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(0, 1)) }) // ends a read that waits
	defer stop()
	found, err := find(io.LimitReader(conn, maxBanner), t.Banner)
	if err != nil {
		return fmt.Errorf("read what %s says: %w", t.Address, err)
	}
	if !found {
		return &Fault{Public: withoutText, Err: fmt.Errorf("%s did not say %q", t.Address, t.Banner)}
	}
	return nil
}
