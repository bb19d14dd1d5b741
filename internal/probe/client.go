// Package probe looks at web addresses from outside, once for a plan's check or steadily
// during a maintenance, and says exactly when they did not answer.
//
// It must not know of clusters, sites or the store. Addresses are the operator's own.
package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	connectDeadline = 2 * time.Second
	totalDeadline   = 5 * time.Second
	maxBody         = 1 << 20 // of an answer that is read; an end before the end is a failure
	maxHeader       = 64 << 10
)

// newClient is where every request of this package comes from.
//
// Each request connects anew: a connection that is kept would hide that nobody can open one.
// A redirect is an answer, not a way: it is the address named that is looked at.
func newClient() *http.Client {
	return &http.Client{
		Timeout: totalDeadline,
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: connectDeadline}).DialContext,
			TLSHandshakeTimeout:    connectDeadline,
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: maxHeader,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// get asks once and gives the status of a whole answer.
func get(ctx context.Context, c *http.Client, address string) (status int, location string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, "", errors.New("it is not a web address") // the parser's words quote it whole
	}
	req.Header.Set("User-Agent", "lull")
	req.Header.Set("Cache-Control", "no-cache")
	resp, err := c.Do(req)
	if err != nil {
		return 0, "", bare(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxBody)); err != nil {
		return 0, "", fmt.Errorf("the answer ended early: %w", bare(err))
	}
	return resp.StatusCode, where(resp.Header.Get("Location")), nil
}

// bare takes the address off an error of net/http: it may hold a secret, and is said already.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		if u.Timeout() {
			return fmt.Errorf("no answer within %s: %w", totalDeadline, u.Err)
		}
		return u.Err
	}
	return err
}

// where is an address as it may be shown: without user, password, query and fragment.
func where(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the address"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}
