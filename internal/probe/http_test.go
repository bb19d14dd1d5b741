package probe

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/lullhq/lull/internal/maint"
)

// pages answers by path.
func pages(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/long":
		_, _ = io.WriteString(w, strings.Repeat("-", 10_000)+"all is well")
	case "/too-long":
		_, _ = io.WriteString(w, strings.Repeat("-", maxBody)+"all is well")
	case "/once":
		http.Redirect(w, r, "/long", http.StatusFound)
	case "/ever":
		http.Redirect(w, r, "/ever", http.StatusFound)
	case "/key":
		if r.Header.Get("X-Key") != "secret" || r.Host != "shop.example.com" || r.Method != http.MethodPost {
			w.WriteHeader(http.StatusForbidden)
		}
	case "/gone":
		w.WriteHeader(http.StatusServiceUnavailable)
	case "/nothing":
		w.WriteHeader(http.StatusNoContent)
	}
}

func secret() (string, error) { return "secret", nil }

func TestHTTPLooks(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(pages))
	t.Cleanup(srv.Close)
	success := []Statuses{{200, 299}}
	headers := []Header{{"X-Key", secret}, {"host", func() (string, error) { return "shop.example.com", nil }}}
	for name, c := range map[string]struct {
		look   HTTP
		path   string
		public string // "" = all is well
	}{
		"any answer below 400":        {HTTP{}, "/once", ""},
		"a class":                     {HTTP{Expect: success}, "/nothing", ""},
		"one of several":              {HTTP{Expect: []Statuses{{301, 301}, {302, 302}}}, "/once", ""},
		"another class":               {HTTP{Expect: success}, "/once", "answered 302"},
		"an error":                    {HTTP{}, "/gone", "answered 503"},
		"an error that is expected":   {HTTP{Expect: []Statuses{{503, 503}}}, "/gone", ""},
		"text":                        {HTTP{Contains: "all is well"}, "/long", ""},
		"no such text":                {HTTP{Contains: "all is lost"}, "/long", "answered without the expected text"},
		"text past what is read":      {HTTP{Contains: "all is well"}, "/too-long", "answered without the expected text"},
		"a redirect that is followed": {HTTP{Redirects: 1, Contains: "all is well"}, "/once", ""},
		"redirects for ever":          {HTTP{Redirects: 3}, "/ever", "answered with one redirect after another"},
		"headers and method":          {HTTP{Method: "POST", Headers: headers, Expect: success}, "/key", ""},
		"no answer to HEAD has text":  {HTTP{Method: "HEAD"}, "/long", ""},
		"a header that is not there": {HTTP{Headers: []Header{{"X-Key", func() (string, error) { return "", errors.New("read password: no file") }}}},
			"/key", "did not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.look.URL = srv.URL + c.path
			f := Probe{Looker: c.look, Timeout: time.Minute, Impact: maint.MajorOutage}.Look(t.Context())
			if f.Public != c.public || (f.Err == nil) != (c.public == "") {
				t.Errorf("found %+v, want %q", f, c.public)
			}
		})
	}
}

// A redirect to somebody else's server does not take the operator's secrets there.
func TestSecretsStayWithTheirServer(t *testing.T) {
	t.Parallel()
	got := make(chan http.Header, 1)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header }))
	t.Cleanup(other.Close)
	srv := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusFound))
	t.Cleanup(srv.Close)
	if err := (HTTP{URL: srv.URL + "/?key=secret", Redirects: 1, Headers: []Header{{"X-Key", secret}, {"Authorization", secret}}}).Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if h := <-got; strings.Contains(fmt.Sprint(h), "secret") {
		t.Errorf("the other server was sent %v", h)
	}
}

// signed serves TLS with a certificate that ends after a while.
func signed(t *testing.T, lasts time.Duration, answers http.Handler) *httptest.Server {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(lasts), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(answers)
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	answers := http.HandlerFunc(pages)
	month, soon, today := signed(t, 30*day, answers), signed(t, 3*day+time.Hour, answers), signed(t, time.Hour, answers)
	leads := signed(t, 5*day+time.Hour, http.RedirectHandler(month.URL, http.StatusFound))
	for name, c := range map[string]struct {
		look   HTTP
		impact maint.Impact
		public string
	}{
		"lasts":            {HTTP{URL: month.URL, Unverified: true, Certificate: 14 * day}, maint.Operational, ""},
		"ends soon":        {HTTP{URL: soon.URL, Unverified: true, Certificate: 14 * day}, maint.DegradedPerformance, "certificate ends in 3 days"},
		"ends today":       {HTTP{URL: today.URL, Unverified: true, Certificate: 14 * day}, maint.DegradedPerformance, "certificate ends within a day"},
		"nobody asked":     {HTTP{URL: soon.URL, Unverified: true}, maint.Operational, ""},
		"of no authority":  {HTTP{URL: month.URL}, maint.MajorOutage, "its certificate is not valid"},
		"down counts more": {HTTP{URL: soon.URL + "/gone", Unverified: true, Certificate: 14 * day}, maint.MajorOutage, "answered 503"},
		"on the way":       {HTTP{URL: leads.URL, Unverified: true, Redirects: 1, Certificate: 14 * day}, maint.DegradedPerformance, "certificate ends in 5 days"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := Probe{Looker: c.look, Timeout: time.Minute, Impact: maint.MajorOutage}.Look(t.Context())
			if f.Impact != c.impact || f.Public != c.public {
				t.Errorf("found %+v", f)
			}
		})
	}
}

// What is found does not depend on how an answer comes in.
func FuzzFind(f *testing.F) {
	f.Add("all is well", "is")
	f.Add(strings.Repeat("a", 9000)+"b", "ab")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, text, wanted string) {
		if len(text) > maxBody || len(wanted) > 1000 {
			return
		}
		want := strings.Contains(text, wanted)
		for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text)), iotest.DataErrReader(strings.NewReader(text))} {
			if got, err := find(r, wanted); got != want || err != nil {
				t.Fatalf("%q in %q: %v, %v", wanted, text, got, err)
			}
		}
	})
}
