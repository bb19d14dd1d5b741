package pgbouncer

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/pgup/gate"
)

// places finds out which spellings of an address mean the same server: "localhost",
// "127.0.0.1" and a socket's folder do. The pooler's configuration is a file of this
// machine, so what is local for the pooler is local here.
type places struct {
	mu   sync.Mutex
	seen map[string]place
}

type place struct {
	local bool
	ips   []netip.Addr
}

// same gives the test for being the server at a. What it looks up it remembers, so a
// test of hosts that were seen before asks nobody.
func (p *places) same(ctx context.Context, a gate.Addr) points {
	return func(b gate.Addr) bool {
		if a.Port != b.Port {
			return false
		}
		return a.Host == b.Host || p.find(ctx, a.Host).meets(p.find(ctx, b.Host))
	}
}

func (x place) meets(y place) bool {
	return x.local && y.local || slices.ContainsFunc(x.ips, func(ip netip.Addr) bool { return slices.Contains(y.ips, ip) })
}

func (p *places) find(ctx context.Context, host string) place {
	p.mu.Lock()
	defer p.mu.Unlock()
	if x, ok := p.seen[host]; ok {
		return x
	}
	x := lookUp(ctx, host)
	if p.seen == nil {
		p.seen = map[string]place{}
	}
	p.seen[host] = x
	return x
}

func lookUp(ctx context.Context, host string) place {
	if host == "" || host == "localhost" || strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") {
		return place{local: true}
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	// An address comes back as it is. A name that nobody knows here is no place.
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return place{}
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		own = nil
	}
	x := place{ips: ips}
	for i, ip := range ips {
		x.ips[i] = ip.Unmap()
		x.local = x.local || ip.IsLoopback() || slices.ContainsFunc(own, func(a net.Addr) bool { return holds(a, x.ips[i]) })
	}
	return x
}

func holds(a net.Addr, ip netip.Addr) bool {
	n, ok := a.(*net.IPNet)
	return ok && n.IP.Equal(ip.AsSlice())
}
