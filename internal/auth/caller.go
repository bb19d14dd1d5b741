package auth

import (
	"net/netip"
	"strings"
)

// Caller is the address that requests are counted by: of IPv6 the first 64 bits, which are one customer's. remote is the other end of the
// connection. With proxies before the server each adds whom it talks to at the end of X-Forwarded-For: the entry that the outermost of
// ours has added is taken, counted from the right. What stands before it anybody can write.
func Caller(remote string, forwarded []string, proxies int) string {
	if proxies > 0 {
		hops := strings.Split(strings.Join(forwarded, ","), ",")
		if at := len(hops) - proxies; at >= 0 {
			if addr, err := netip.ParseAddr(strings.TrimSpace(hops[at])); err == nil {
				return neighbourhood(addr)
			}
		}
	}
	peer, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	return neighbourhood(peer.Addr())
}

func neighbourhood(addr netip.Addr) string {
	addr = addr.Unmap()
	if addr.Is6() {
		if p, err := addr.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	return addr.String()
}
