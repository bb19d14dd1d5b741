// Package probe asks web addresses whether they answer, and turns the answers into
// counts and intervals of outage.
//
// It must not know of maintenances, databases or what is done about an outage.
package probe

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	connectTimeout = 2 * time.Second
	answerTimeout  = 5 * time.Second // connecting included
	bodyLimit      = 64 << 10
)

// newClient is the one place in which this package makes an HTTP client. Every request
// connects anew: a connection that is kept would hide that new visitors cannot get in.
func newClient() *http.Client {
	return &http.Client{
		Timeout:       answerTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: connectTimeout}).DialContext,
			TLSHandshakeTimeout: connectTimeout, DisableKeepAlives: true,
		},
	}
}

// get gives the status of one answer, read to its end as a visitor would.
func get(ctx context.Context, c *http.Client, url string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, fmt.Errorf("ask %s: %w", url, err)
	}
	req.Header.Set("User-Agent", "lull")
	res, err := c.Do(req)
	if err != nil {
		return 0, err // names method and address already
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, bodyLimit)); err != nil {
		return 0, fmt.Errorf("read the answer of %s: %w", url, err)
	}
	return res.StatusCode, nil
}

// Target is an address that is asked again and again.
type Target struct {
	Name string
	URL  string
}

// Outage is from the first probe that failed to the first that was answered again.
// While it lasts, To is the time of the newest probe.
type Outage struct {
	From, To time.Time
	Error    string // of the first failed probe
}

// Summary is what was seen of one target.
type Summary struct {
	Name     string
	URL      string
	Probes   int
	Failures int
	Outages  []Outage
}

// Prober asks its targets at an interval.
type Prober struct {
	targets  []Target
	interval time.Duration
	client   *http.Client

	mu   sync.Mutex
	sums []Summary
	down []bool
}

// New makes a prober that has asked nothing yet.
func New(targets []Target, interval time.Duration) *Prober {
	p := &Prober{targets: targets, interval: interval, client: newClient(), down: make([]bool, len(targets))}
	for _, t := range targets {
		p.sums = append(p.sums, Summary{Name: t.Name, URL: t.URL})
	}
	return p
}

// Run probes until ctx ends. A target that is slow to answer delays no other.
func (p *Prober) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for i := range p.targets {
		wg.Go(func() {
			for tick := time.NewTicker(p.interval); ; {
				p.probe(ctx, i)
				select {
				case <-ctx.Done():
					tick.Stop()
					return
				case <-tick.C:
				}
			}
		})
	}
	wg.Wait()
}

func (p *Prober) probe(ctx context.Context, i int) {
	at := time.Now()
	status, err := get(ctx, p.client, p.targets[i].URL)
	if ctx.Err() != nil {
		return // the end of probing says nothing about the site
	}
	if err == nil && status >= http.StatusInternalServerError {
		err = fmt.Errorf("answered %d", status)
	}
	p.note(i, at, err)
}

func (p *Prober) note(i int, at time.Time, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.sums[i]
	s.Probes++
	if p.down[i] {
		s.Outages[len(s.Outages)-1].To = at
	}
	if err != nil {
		s.Failures++
		if !p.down[i] {
			s.Outages = append(s.Outages, Outage{From: at, To: at, Error: err.Error()})
		}
	}
	p.down[i] = err != nil
}

// Summary is what was seen so far, in the order of the targets.
func (p *Prober) Summary() []Summary {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := slices.Clone(p.sums)
	for i := range out {
		out[i].Outages = slices.Clone(out[i].Outages)
	}
	return out
}
