package app

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/planstep"
	"github.com/lullhq/lull/internal/probe"
)

// componentProbes are all that lull.yaml lists, in its order.
func (a *App) componentProbes() []probe.Probe {
	var out []probe.Probe
	for _, c := range a.Config.Components {
		for _, p := range c.Probes {
			out = append(out, componentProbe(c.ID, p))
		}
	}
	return out
}

func componentProbe(component string, p config.Probe) probe.Probe {
	out := probe.Probe{Component: component, Kind: string(p.Kind), Every: p.Every, Timeout: p.Timeout, Confirm: p.Confirm, Impact: p.Impact}
	switch p.Kind {
	case config.ProbeHTTP:
		out.Where, out.Looker = probe.Where(p.HTTP.URL), httpLooker(p.HTTP)
	case config.ProbeTCP:
		out.Where, out.Looker = p.TCP.Address, probe.TCP(*p.TCP)
	case config.ProbeDNS:
		out.Where, out.Looker = p.DNS.Type+" "+p.DNS.Name, probe.DNS(*p.DNS)
	case config.ProbePostgres:
		out.Where, out.Looker = p.Postgres.DSN.String(), probe.Postgres{Dial: dialDSN(p.Postgres.DSN), Query: p.Postgres.Query}
	}
	return out
}

func httpLooker(h *config.HTTPProbe) probe.HTTP {
	out := probe.HTTP{
		URL: h.URL, Method: h.Method, Contains: h.Contains, Redirects: h.Redirects, Certificate: h.Certificate,
		Unverified: h.Verify != nil && !*h.Verify,
	}
	for _, s := range h.Expect {
		out.Expect = append(out.Expect, probe.Statuses(s))
	}
	for _, header := range h.Headers {
		out.Headers = append(out.Headers, probe.Header{Name: header.Name, Value: func() (string, error) {
			value, err := header.Value()
			return value.Reveal(), err
		}})
	}
	return out
}

// dialDSN reads the password anew each time, so that a changed one needs no restart.
func dialDSN(dsn config.DSN) planstep.Dial {
	return func(ctx context.Context) (*pgx.Conn, error) {
		whole, err := dsn.Conninfo()
		if err != nil {
			return nil, err
		}
		return planstep.DialDSN(whole.Reveal())(ctx)
	}
}

// ProbeResult is what one look by one probe has found, in the operator's words.
type ProbeResult struct {
	Component string  `json:"component"`
	Kind      string  `json:"kind"`
	Where     string  `json:"where"`
	Status    string  `json:"status"` // what it would say of the component
	TookMS    float64 `json:"took_ms"`
	Error     string  `json:"error,omitempty"`
	Next      string  `json:"next,omitempty"` // what to do about it
}

// Probe looks once by every probe. It changes nothing and tells nobody.
func (a *App) Probe(ctx context.Context) []ProbeResult {
	probes := a.componentProbes()
	out := []ProbeResult{}
	for i, f := range probe.Once(ctx, probes) {
		r := ProbeResult{Component: probes[i].Component, Kind: probes[i].Kind, Where: probes[i].Where, Status: string(f.Impact), TookMS: float64(f.Took.Microseconds()) / 1000}
		if f.Err != nil {
			r.Error, r.Next = f.Err.Error(), hint.Of(f.Err)
		}
		out = append(out, r)
	}
	return out
}
