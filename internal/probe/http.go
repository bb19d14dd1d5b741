package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/hint"
)

// HTTP asks a web address.
type HTTP struct {
	URL         string
	Method      string // "" = GET
	Headers     []Header
	Expect      []Statuses    // none = any answer below 400
	Contains    string        // what the first 64 KB of the body hold
	Redirects   int           // how many are followed; 0 = a redirect is an answer, not a way
	Certificate time.Duration // a certificate that ends sooner is a warning; 0 = none is
	Unverified  bool          // any certificate will do
}

// Header is a line of the request. Its value may be a secret, and is asked for at each look.
type Header struct {
	Name  string
	Value func() (string, error)
}

// Statuses is a range of good ones, such as 200 to 299.
type Statuses struct{ From, To int }

func (s Statuses) String() string {
	if s.From == s.To {
		return fmt.Sprint(s.From)
	}
	return fmt.Sprintf("%d to %d", s.From, s.To)
}

// answer is what is judged.
type answer struct {
	status   int
	location string    // as it may be shown
	found    bool      // what the body had to hold
	ends     time.Time // of the certificate that ends first; zero without one
}

// Look implements Looker.
func (h HTTP) Look(ctx context.Context) error {
	at := Where(h.URL)
	a, err := h.ask(ctx)
	if err != nil {
		return hint.Wrap(fmt.Errorf("ask %s: %w", at, err), "see that it is up: curl -i "+at)
	}
	if !h.expects(a.status) {
		return h.unexpected(a)
	}
	if !a.found {
		return hint.Wrap(&Fault{Public: withoutText, Err: fmt.Errorf("%s answered %d without the text %q", at, a.status, h.Contains)}, "see the whole answer: curl -i "+at)
	}
	if left := time.Until(a.ends); h.Certificate > 0 && !a.ends.IsZero() && left < h.Certificate {
		err := fmt.Errorf("the certificate of %s ends on %s", at, a.ends.UTC().Format("2 January 2006, 15:04 UTC"))
		return hint.Wrap(&Fault{Public: "certificate ends " + in(left), Warning: true, Err: err}, "renew it, and see that the server has taken it in")
	}
	return nil
}

const withoutText = "answered without the expected text"

func (h HTTP) expects(status int) bool {
	if len(h.Expect) == 0 {
		return status < http.StatusBadRequest
	}
	return slices.ContainsFunc(h.Expect, func(s Statuses) bool { return s.From <= status && status <= s.To })
}

func (h HTTP) unexpected(a answer) error {
	at := Where(h.URL)
	said := fmt.Sprintf("%s answered %d", at, a.status)
	if len(h.Expect) > 0 {
		words := make([]string, len(h.Expect))
		for i, s := range h.Expect {
			words[i] = s.String()
		}
		said += ", expected " + strings.Join(words, " or ")
	}
	next := "see the whole answer: curl -i " + at
	if a.location != "" {
		said += " (it leads to " + a.location + ")"
		next = "name the address that it leads to, if that is the one you mean"
	}
	return hint.Wrap(&Fault{Public: fmt.Sprintf("answered %d", a.status), Err: errors.New(said)}, next)
}

// in says how long a certificate lasts.
func in(left time.Duration) string {
	switch days := int(left / (24 * time.Hour)); {
	case left <= 0:
		return "now"
	case days == 0:
		return "within a day"
	case days == 1:
		return "in 1 day"
	default:
		return fmt.Sprintf("in %d days", days)
	}
}

// ask asks once and takes in a whole answer.
func (h HTTP) ask(ctx context.Context) (a answer, err error) {
	req, err := h.request(ctx)
	if err != nil {
		return a, err
	}
	c := http.Client{Transport: transports[!h.Unverified], CheckRedirect: func(next *http.Request, past []*http.Request) error {
		a.certified(next.Response.TLS)
		return h.follow(next, past)
	}}
	resp, err := c.Do(req)
	if err != nil {
		return a, named(bare(err))
	}
	defer resp.Body.Close()
	a.certified(resp.TLS)
	a.status, a.location = resp.StatusCode, Where(resp.Header.Get("Location"))
	if a.found, err = holds(resp.Body, h.Contains); err != nil {
		return a, &Fault{Public: "answered incompletely", Err: fmt.Errorf("the answer ended early: %w", bare(err))}
	}
	return a, nil
}

func (h HTTP) request(ctx context.Context) (*http.Request, error) {
	method := h.Method
	if method == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(ctx, method, h.URL, nil)
	if err != nil {
		return nil, errors.New("it is not a web address") // the parser's words quote it whole
	}
	req.Header.Set("User-Agent", "lull")
	req.Header.Set("Cache-Control", "no-cache")
	for _, header := range h.Headers {
		value, err := header.Value()
		if err != nil {
			return nil, fmt.Errorf("fill in header %s: %w", header.Name, err)
		}
		if strings.EqualFold(header.Name, "Host") {
			req.Host = value
		}
		req.Header.Set(header.Name, value)
	}
	return req, nil
}

// follow decides about a redirect. To another host, or without encryption, neither the address
// nor a header of the operator's goes along: any of them may hold a secret.
func (h HTTP) follow(next *http.Request, past []*http.Request) error {
	if h.Redirects == 0 {
		return http.ErrUseLastResponse
	}
	if len(past) > h.Redirects {
		return &Fault{Public: "answered with one redirect after another", Err: fmt.Errorf("it leads on more than %d times", h.Redirects)}
	}
	if first := past[0].URL; next.URL.Host != first.Host || next.URL.Scheme != first.Scheme {
		next.Header.Del("Referer")
		for _, header := range h.Headers {
			next.Header.Del(header.Name)
		}
	}
	return nil
}

// certified takes in the certificates of one answer on the way. What counts is the chain
// that holds longest, and in it the certificate that ends first.
func (a *answer) certified(s *tls.ConnectionState) {
	if s == nil || len(s.PeerCertificates) == 0 {
		return
	}
	ends := s.PeerCertificates[0].NotAfter
	var longest time.Time
	for _, chain := range s.VerifiedChains {
		first := chain[0].NotAfter
		for _, c := range chain {
			if c.NotAfter.Before(first) {
				first = c.NotAfter
			}
		}
		if first.After(longest) {
			longest = first
		}
	}
	if !longest.IsZero() {
		ends = longest
	}
	if a.ends.IsZero() || ends.Before(a.ends) {
		a.ends = ends
	}
}

// named gives the public words for what kept an answer from coming.
func named(err error) error {
	var untrusted *tls.CertificateVerificationError
	var unknown *net.DNSError
	switch {
	case errors.As(err, &untrusted):
		return &Fault{Public: "its certificate is not valid", Err: err}
	case errors.As(err, &unknown) && unknown.IsNotFound:
		return &Fault{Public: "its name is not found", Err: err}
	}
	return err
}

// bare takes the address off an error of net/http: it may hold a secret, and is said already.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// Where is an address as it may be shown: without user, password, query and fragment.
func Where(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the address"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}
