package config

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"

	"github.com/lullhq/lull/internal/maint"
)

// ProbeKind is what a probe speaks.
type ProbeKind string

// The kinds of probes.
const (
	ProbeHTTP     ProbeKind = "http"
	ProbeTCP      ProbeKind = "tcp"
	ProbeDNS      ProbeKind = "dns"
	ProbePostgres ProbeKind = "postgres"
)

// ProbeKinds lists them, for messages and checks.
var ProbeKinds = []ProbeKind{ProbeHTTP, ProbeTCP, ProbeDNS, ProbePostgres}

// Probe is one way of seeing how a component is. Only the pointer that belongs to its Kind is set.
type Probe struct {
	Kind    ProbeKind
	Every   time.Duration
	Timeout time.Duration
	Confirm int          // looks in a row that have to agree
	Impact  maint.Impact // while there is no good answer

	HTTP     *HTTPProbe
	TCP      *TCPProbe
	DNS      *DNSProbe
	Postgres *PostgresProbe
}

// HTTPProbe asks a web address.
type HTTPProbe struct {
	URL         string
	Method      string
	Headers     []Header
	Expect      []Statuses // none = any answer below 400
	Contains    string
	Redirects   int
	Certificate time.Duration // one that ends sooner is a warning; 0 = none is
	Verify      *bool         // nil = yes
}

// Statuses is a range of statuses: 200 to 200, or 200 to 299.
type Statuses struct{ From, To int }

// TCPProbe connects to a port.
type TCPProbe struct {
	Address string
	Banner  string
}

// DNSProbe asks for the records of a name.
type DNSProbe struct {
	Name     string
	Type     string
	Expect   []string
	Resolver string // host:port, "" = the system's
}

// PostgresProbe connects to a database and runs a query.
type PostgresProbe struct {
	DSN   DSN
	Query string
}

// What holds when a probe does not say.
const (
	defaultEvery       = 30 * time.Second
	defaultTimeout     = 5 * time.Second
	defaultConfirm     = 2
	defaultCertificate = 14 * 24 * time.Hour

	leastEvery     = time.Second
	mostConfirm    = 100
	mostRedirects  = 10
	longestTimeout = time.Minute
)

// downImpacts are what a probe can say of its component when there is no good answer.
var downImpacts = []maint.Impact{maint.DegradedPerformance, maint.PartialOutage, maint.MajorOutage}

func (d *document) probes(into *[]Probe) reader {
	return d.list(func(n *yaml.Node) {
		if p, ok := d.probe(n); ok {
			*into = append(*into, p)
		}
	})
}

// probe reads a mapping that has one of the kinds for a key.
func (d *document) probe(n *yaml.Node) (Probe, bool) {
	p := Probe{Kind: probeKind(n), Every: defaultEvery, Confirm: defaultConfirm, Impact: maint.MajorOutage}
	var own []field
	switch p.Kind {
	case ProbeHTTP:
		p.HTTP = &HTTPProbe{Method: "GET", Certificate: defaultCertificate}
		own = d.httpProbe(p.HTTP)
	case ProbeTCP:
		p.TCP = &TCPProbe{}
		own = []field{need("tcp", d.address(&p.TCP.Address)), may("banner", d.line(&p.TCP.Banner))}
	case ProbeDNS:
		p.DNS = &DNSProbe{Type: "A"}
		own = d.dnsProbe(p.DNS)
	case ProbePostgres:
		p.Postgres = &PostgresProbe{Query: "SELECT 1"}
		own = []field{need("postgres", d.postgresProbe(p.Postgres))}
	default:
		d.noProbeKind(n)
		return p, false
	}
	var timeout *yaml.Node
	d.object(n, "the probe", append(own,
		may("every", d.between(&p.Every, leastEvery, longestDuration)),
		may("timeout", d.at(&timeout, d.between(&p.Timeout, time.Millisecond, longestTimeout))),
		may("confirm", d.number(&p.Confirm, 1, mostConfirm)),
		may("impact", d.oneOf((*string)(&p.Impact), "impact", words(downImpacts))))...)
	if p.Timeout == 0 {
		p.Timeout = min(defaultTimeout, p.Every)
	}
	if p.Timeout > p.Every {
		d.problem(timeout, "make it shorter, or every longer", "timeout is longer than every, %s", p.Every)
	}
	d.probeTogether(n, p)
	return p, true
}

// probeTogether checks what depends on more than one key.
func (d *document) probeTogether(n *yaml.Node, p Probe) {
	if h := p.HTTP; h != nil && h.Method == "HEAD" && h.Contains != "" {
		d.problem(child(n, "contains"), `take it out, or write "method: GET"`, "an answer to HEAD has no text")
	}
}

// probeKind is the kind whose key is there, or "". The key need not be the first.
func probeKind(n *yaml.Node) ProbeKind {
	if n.Kind != yaml.MappingNode {
		return ""
	}
	for _, k := range ProbeKinds {
		if child(n, string(k)) != nil {
			return k
		}
	}
	return ""
}

// noProbeKind tells of a mapping without a kind, at the key that was probably meant for one.
func (d *document) noProbeKind(n *yaml.Node) {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		k := deref(n.Content[i])
		if closest(k.Value, words(ProbeKinds)) != "" {
			d.problem(k, nearest(k.Value, words(ProbeKinds), ""), "unknown key %q", shorten(k.Value))
			return
		}
	}
	d.problem(n, `such as "- {http: https://app.example.com/health}"`, "a probe says what it looks at, with one of: %s", strings.Join(words(ProbeKinds), ", "))
}

func (d *document) httpProbe(x *HTTPProbe) []field {
	return []field{
		need("http", d.url(&x.URL)),
		may("method", d.oneOf(&x.Method, "method", []string{"GET", "HEAD", "POST", "OPTIONS"})),
		may("headers", d.headers(&x.Headers)),
		may("expect", d.oneOrMore(d.statuses(&x.Expect))),
		may("contains", d.line(&x.Contains)),
		may("redirects", d.number(&x.Redirects, 0, mostRedirects)),
		may("certificate", d.between(&x.Certificate, time.Hour, longestDuration)),
		may("verify", d.yesNo(&x.Verify)),
	}
}

func (d *document) dnsProbe(x *DNSProbe) []field {
	return []field{
		need("dns", d.hostname(&x.Name)),
		may("type", d.oneOf(&x.Type, "type", []string{"A", "AAAA", "CNAME", "MX", "NS", "TXT"})),
		may("expect", d.oneOrMore(func(n *yaml.Node) {
			var value string
			d.line(&value)(n)
			x.Expect = append(x.Expect, value)
		})),
		may("resolver", d.resolver(&x.Resolver)),
	}
}

func (d *document) postgresProbe(x *PostgresProbe) reader {
	return func(n *yaml.Node) {
		var password *yaml.Node
		d.object(n, "postgres",
			need("dsn", d.conninfo(&x.DSN)),
			may("password_file", func(n *yaml.Node) { password = n }),
			may("query", d.text(&x.Query)))
		d.passwordFile(&x.DSN, password)
	}
}

// oneOrMore reads a list, or one value that stands for a list of it.
func (d *document) oneOrMore(read reader) reader {
	return func(n *yaml.Node) {
		if n.Kind == yaml.SequenceNode {
			d.list(read)(n)
			return
		}
		read(n)
	}
}

var statusClass = regexp.MustCompile(`^[1-5]xx$`)

// statuses reads 200, or 2xx for all from 200 to 299.
func (d *document) statuses(into *[]Statuses) reader {
	return func(n *yaml.Node) {
		s, ok := d.scalar(n)
		if !ok {
			return
		}
		if statusClass.MatchString(s) {
			from := int(s[0]-'0') * 100
			*into = append(*into, Statuses{from, from + 99})
			return
		}
		status, err := strconv.Atoi(s)
		if err != nil || status < 100 || status > 599 {
			d.problem(n, `such as "200", "2xx" or "[200, 204]"`, "%q is not a status of HTTP", shorten(s))
			return
		}
		*into = append(*into, Statuses{status, status})
	}
}

var hostname = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\.?$`)

func (d *document) hostname(into *string) reader {
	return d.checked(into, func(s string) string {
		if len(s) > 254 || !hostname.MatchString(s) {
			return "is not a name of DNS"
		}
		return ""
	}, `such as "www.example.com"`)
}

// resolver reads an address of a DNS server, with port 53 unless it says otherwise.
func (d *document) resolver(into *string) reader {
	return func(n *yaml.Node) {
		if s, ok := d.scalar(n); ok && net.ParseIP(s) != nil {
			*into = net.JoinHostPort(s, "53")
			return
		}
		d.address(into)(n)
	}
}

// between reads a length of time from least to most.
func (d *document) between(into *time.Duration, least, most time.Duration) reader {
	return func(n *yaml.Node) {
		var length time.Duration
		d.duration(&length)(n)
		switch {
		case length == 0: // told already
		case length < least:
			d.problem(n, fmt.Sprintf("%s is the least", least), "%s is too short", n.Value)
		case length > most:
			d.problem(n, fmt.Sprintf("%s is the most", most), "%s is too long", n.Value)
		default:
			*into = length
		}
	}
}

// Header is a line of a request. Its value may be a secret: it is in the file, in the
// environment, or in a file of its own.
type Header struct {
	Name  string
	value Secret
	file  string
}

// Value gives what to send. A file is read now, so that a changed secret needs no restart.
func (h Header) Value() (Secret, error) {
	if h.file != "" {
		return ReadPassword(h.file)
	}
	return h.value, nil
}

// headerName is a token of RFC 9110, section 5.6.2.
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")

func (d *document) headers(into *[]Header) reader {
	return func(n *yaml.Node) {
		d.pairs(n, "headers", func(k, v *yaml.Node) {
			if !headerName.MatchString(k.Value) {
				d.problem(k, `such as "Authorization: Bearer ${TOKEN}"`, "%q is not the name of a header", shorten(k.Value))
				return
			}
			h := Header{Name: k.Value}
			d.value(k, v, d.headerValue(&h))
			*into = append(*into, h)
		})
	}
}

// headerValue reads a text with ${NAMES} of the environment, or {file: PATH}. It never
// repeats what it read.
func (d *document) headerValue(h *Header) reader {
	return func(n *yaml.Node) {
		if n.Kind == yaml.MappingNode {
			d.object(n, "the header", need("file", d.absolute(&h.file)))
			return
		}
		s, ok := d.scalar(n)
		if !ok {
			return
		}
		if s, ok = d.expand(n, s); !ok {
			return
		}
		if slices.ContainsFunc([]byte(s), func(b byte) bool { return b < ' ' && b != '\t' || b == 0x7f }) {
			d.problem(n, "write it on one line", "the value of header %s holds control characters", shorten(h.Name))
			return
		}
		h.value = NewSecret(s)
	}
}
