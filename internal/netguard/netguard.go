// Package netguard is the one way out to addresses that people name: webhooks, chats, mail servers. It looks at the
// address that is really dialled, after every look-up of a name, and refuses all that is not the open internet,
// unless the operator has allowed it.
//
// It must not know what is sent, or to whom.
package netguard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"code.dny.dev/ssrf"

	"github.com/lullhq/lull/internal/hint"
)

const (
	dialDeadline   = 10 * time.Second
	answerDeadline = 20 * time.Second
	mostHeaders    = 64 << 10
)

// Guard dials.
type Guard struct {
	dialer *net.Dialer
	client *http.Client
}

// ErrPrivate says that an address is not of the open internet.
var ErrPrivate = errors.New("the address is inside a private network")

// New gives a guard that lets through to the open internet, and to the networks that are given.
func New(private ...netip.Prefix) *Guard {
	var v4, v6 []netip.Prefix
	for _, p := range private {
		if p.Addr().Is4() {
			v4 = append(v4, p)
		} else {
			v6 = append(v6, p)
		}
	}
	s := ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...))
	g := &Guard{dialer: &net.Dialer{Timeout: dialDeadline, Control: s.Safe}}
	g.client = &http.Client{
		Timeout: dialDeadline + answerDeadline,
		// A redirect leads to an address that nobody has named.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: g.Dial, TLSHandshakeTimeout: dialDeadline, ResponseHeaderTimeout: answerDeadline,
			MaxResponseHeaderBytes: mostHeaders, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute,
		},
	}
	return g
}

// Dial dials an address, if it may.
func (g *Guard) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := g.dialer.DialContext(ctx, network, address)
	if errors.Is(err, ssrf.ErrProhibitedIP) || errors.Is(err, ssrf.ErrProhibitedNetwork) {
		host, _, _ := net.SplitHostPort(address)
		return nil, hint.Wrap(fmt.Errorf("%w: %s", ErrPrivate, host), "if it is meant, name the network under notices: private: in lull.yaml")
	}
	return conn, err
}

// Client gives the client for HTTP. It follows no redirect, uses no proxy, and keeps no cookies.
func (g *Guard) Client() *http.Client { return g.client }
