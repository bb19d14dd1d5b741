package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lullhq/lull/internal/maint"
)

func probesOf(t *testing.T, lines string) []Probe {
	t.Helper()
	c, err := parseConfig("/srv/lull/lull.yaml", []byte("organization: Example\ncomponents:\n  app:\n    name: App\n    probes:\n"+lines))
	if err != nil {
		t.Fatal(err)
	}
	return c.Components[0].Probes
}

func TestProbes(t *testing.T) {
	t.Parallel()
	got := probesOf(t, `
    - http: https://app.example.com/health
    - {http: https://app.example.com/, method: POST, expect: [2xx, 301], contains: all is well, redirects: 3, certificate: 30d, verify: false,
       every: 10s, timeout: 2s, confirm: 5, impact: partial_outage}
    - {every: 2s, expect: 204, http: https://app.example.com/, certificate: 1h}
    - {tcp: "[::1]:25", banner: "220 "}
    - {dns: www.example.com, resolver: 192.0.2.1, expect: 192.0.2.7}
    - {dns: example.com, type: MX, resolver: "ns.example.com:5353", expect: [10 mail.example.com, 20 mail.example.net]}
    - {postgres: {dsn: "host=127.0.0.1 user=probe", password_file: secrets/probe, query: SELECT count(*) FROM users}}
`)
	no := false
	usual := func(p Probe) Probe {
		p.Every, p.Timeout, p.Confirm, p.Impact = 30*time.Second, 5*time.Second, 2, maint.MajorOutage
		return p
	}
	health := &HTTPProbe{URL: "https://app.example.com/health", Method: "GET", Certificate: 14 * 24 * time.Hour}
	want := []Probe{
		usual(Probe{Kind: ProbeHTTP, HTTP: health}),
		{Kind: ProbeHTTP, Every: 10 * time.Second, Timeout: 2 * time.Second, Confirm: 5, Impact: maint.PartialOutage, HTTP: &HTTPProbe{
			URL: "https://app.example.com/", Method: "POST", Expect: []Statuses{{200, 299}, {301, 301}}, Contains: "all is well", Redirects: 3, Certificate: 30 * 24 * time.Hour, Verify: &no}},
		{Kind: ProbeHTTP, Every: 2 * time.Second, Timeout: 2 * time.Second, Confirm: 2, Impact: maint.MajorOutage, HTTP: &HTTPProbe{
			URL: "https://app.example.com/", Method: "GET", Expect: []Statuses{{204, 204}}, Certificate: time.Hour}},
		usual(Probe{Kind: ProbeTCP, TCP: &TCPProbe{Address: "[::1]:25", Banner: "220 "}}),
		usual(Probe{Kind: ProbeDNS, DNS: &DNSProbe{Name: "www.example.com", Type: "A", Resolver: "192.0.2.1:53", Expect: []string{"192.0.2.7"}}}),
		usual(Probe{Kind: ProbeDNS, DNS: &DNSProbe{Name: "example.com", Type: "MX", Resolver: "ns.example.com:5353", Expect: []string{"10 mail.example.com", "20 mail.example.net"}}}),
		usual(Probe{Kind: ProbePostgres, Postgres: &PostgresProbe{Query: "SELECT count(*) FROM users"}}),
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreTypes(DSN{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if d := got[6].Postgres.DSN; d.String() != "host=127.0.0.1 user=probe" || d.passwordFile != "/srv/lull/secrets/probe" {
		t.Errorf("the database is at %s, its password in %s", d, d.passwordFile)
	}
}

func TestHeaders(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte("from a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LULL_TEST_TOKEN", "from the environment") // so it cannot be parallel
	got := probesOf(t, `    - {http: https://app.example.com/, headers: {Authorization: "Bearer ${LULL_TEST_TOKEN}", X-Key: {file: `+key+`}, X-Plain: 7}}`)
	values := map[string]string{}
	for _, h := range got[0].HTTP.Headers {
		v, err := h.Value()
		if err != nil {
			t.Fatal(err)
		}
		values[h.Name] = v.Reveal()
	}
	want := map[string]string{"Authorization": "Bearer from the environment", "X-Key": "from a file", "X-Plain": "7"}
	if diff := cmp.Diff(want, values); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if shown := fmt.Sprintf("%+v", got[0].HTTP); strings.Contains(shown, "environment") {
		t.Errorf("a secret is shown: %s", shown)
	}
}

// Ten thousand probes, as a program writes them, are within the bounds of a file.
func TestManyProbes(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("organization: Example\ncomponents:\n")
	for i := range 10_000 {
		fmt.Fprintf(&b, "  shop-%d: {name: Shop %d, group: Shops, probes: [{http: https://shop-%d.shops.example.com/health, expect: 200, contains: well, every: 10s, timeout: 3s}]}\n", i, i, i)
	}
	c, err := parseConfig("lull.yaml", []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(c.Components); n != 10_000 {
		t.Errorf("%d components", n)
	}
}
