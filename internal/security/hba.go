package security

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// hbaRule is a line of pg_hba.conf as the server reads it (manual, "The pg_hba.conf File").
type hbaRule struct {
	Type          string
	Databases     []string
	Users         []string
	Address, Mask string
	Method        string
}

// hba are the rules in their order: the first one that fits a client decides.
type hba []hbaRule

func readHBA(ctx context.Context, conn *pgx.Conn) (hba, error) {
	rows, err := conn.Query(ctx, `SELECT type, coalesce(database, '{}'), coalesce(user_name, '{}'), coalesce(address, ''), coalesce(netmask, ''), coalesce(auth_method, '')
		FROM pg_hba_file_rules WHERE error IS NULL`)
	if err != nil {
		return nil, fmt.Errorf("read pg_hba.conf: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[hbaRule])
	if err != nil {
		return nil, fmt.Errorf("read pg_hba.conf: %w", err)
	}
	return list, nil
}

// fit says whether a rule decides about a client.
type fit int

const (
	no    fit = iota
	maybe     // by what is not known of the client: its database, memberships, the server's own addresses
	yes
)

// ways are the methods by which the client may have come in: that of the first rule which
// certainly fits, and those of the rules before it which may.
func (h hba) ways(c Client) (out []string) {
	for _, r := range h {
		f := r.fits(c)
		if f != no && !slices.Contains(out, r.Method) {
			out = append(out, r.Method)
		}
		if f == yes {
			break
		}
	}
	return out
}

func (r hbaRule) fits(c Client) fit {
	switch r.Type {
	case "local", "hostgssenc":
		return no
	case "hostssl":
		if c.TLS == "" {
			return no
		}
	case "hostnossl":
		if c.TLS != "" {
			return no
		}
	}
	return min(r.fitsDatabase(), r.fitsUser(c.User), r.fitsAddress(c.Address))
}

func (r hbaRule) fitsDatabase() fit {
	if slices.Contains(r.Databases, "all") {
		return yes
	}
	return maybe
}

func (r hbaRule) fitsUser(user string) fit {
	if slices.Contains(r.Users, "all") || slices.Contains(r.Users, user) {
		return yes
	}
	if slices.ContainsFunc(r.Users, func(u string) bool { return strings.HasPrefix(u, "+") || strings.HasPrefix(u, "/") }) {
		return maybe
	}
	return no
}

func (r hbaRule) fitsAddress(address string) fit {
	if r.Address == "all" {
		return yes
	}
	at, err := netip.ParseAddr(address)
	if err != nil {
		return maybe
	}
	net, err := netip.ParseAddr(r.Address)
	if err != nil {
		return maybe // samehost, samenet, a name
	}
	if net.Is4() != at.Unmap().Is4() {
		return no
	}
	mask, err := netip.ParseAddr(r.Mask)
	if err != nil {
		return maybe
	}
	a, n, m := at.Unmap().AsSlice(), net.AsSlice(), mask.AsSlice()
	for i := range a {
		if i >= len(m) || a[i]&m[i] != n[i]&m[i] {
			return no
		}
	}
	return yes
}
