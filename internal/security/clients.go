package security

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Client is somebody who logs in over TCP: all sessions of one role, address and program that came in the same way.
type Client struct {
	User        string `json:"user"`
	Address     string `json:"address"`
	Application string `json:"application,omitempty"`
	TLS         string `json:"tls,omitempty"`    // "TLSv1.2"; "" = without
	Method      string `json:"method,omitempty"` // of the line of pg_hba.conf, where the log tells it
	Verifier    string `json:"verifier"`         // how the role's password is kept: "md5", "scram-sha-256" or "none"
	Now         bool   `json:"now"`              // connected at this moment, and not only by the log
}

func (c Client) String() string {
	text := fmt.Sprintf("%s at %s", c.User, c.Address)
	if c.Application != "" {
		text += " as " + c.Application
	}
	return text
}

// Rules are what a hardened server asks of a client.
type Rules struct {
	Strict bool   // TLS from everybody at another machine, and nobody without proof
	TLS    string // lowest version, "" = any
	SCRAM  bool   // no login by MD5
}

// Strictest is what security.md describes.
var Strictest = Rules{Strict: true, TLS: "TLSv1.2", SCRAM: true}

// versions of TLS as pg_stat_ssl and ssl_min_protocol_version have them, the oldest first.
var versions = []string{"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"}

// Refuses says why the rules would not let the client in; "" = they would. ways are the methods of
// pg_hba.conf by which it may have come in; none = not known.
func (r Rules) Refuses(c Client, ways []string) string {
	if c.Method != "" {
		ways = []string{c.Method}
	}
	var why []string
	switch {
	case c.TLS == "" && r.Strict && !nearby(c.Address):
		why = append(why, "without TLS")
	case c.TLS != "" && slices.Index(versions, c.TLS) < slices.Index(versions, r.TLS):
		why = append(why, "with "+c.TLS)
	}
	if r.SCRAM && c.Verifier == "md5" && (len(ways) == 0 || slices.ContainsFunc(ways, r.asksSCRAM)) {
		why = append(why, keptAsMD5)
	}
	if r.Strict && slices.Contains(ways, "ident") {
		why = append(why, "it may come in by ident, without its password")
	}
	if r.Strict && slices.Contains(ways, "trust") {
		why = append(why, map[bool]string{true: "it has no password, and comes in by trust", false: "it may come in by trust, without its password"}[c.Verifier == "none"])
	}
	return strings.Join(why, ", ")
}

// asksSCRAM says whether the rules ask for SCRAM where pg_hba.conf has that method now.
func (r Rules) asksSCRAM(method string) bool {
	return method == "md5" || method == "scram-sha-256" || r.Strict && (method == "trust" || method == "password" || method == "ident")
}

// nearby is true of this machine's own addresses.
func nearby(address string) bool {
	a, err := netip.ParseAddr(address)
	return err == nil && a.IsLoopback()
}

// connected are those who are on the server at this moment, Lull left out.
func connected(ctx context.Context, conn *pgx.Conn) ([]Client, error) {
	rows, err := conn.Query(ctx, `SELECT DISTINCT a.usename, host(a.client_addr), a.application_name, CASE WHEN s.ssl THEN s.version ELSE '' END
		FROM pg_stat_activity a JOIN pg_stat_ssl s ON s.pid = a.pid
		WHERE a.client_addr IS NOT NULL AND a.usename IS NOT NULL AND a.pid <> pg_backend_pid() AND a.application_name !~ '^lull' ORDER BY 1, 2, 3, 4`)
	if err != nil {
		return nil, fmt.Errorf("ask who is connected: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c Client, err error) {
		c.Now = true
		return c, row.Scan(&c.User, &c.Address, &c.Application, &c.TLS)
	})
	if err != nil {
		return nil, fmt.Errorf("ask who is connected: %w", err)
	}
	return list, nil
}

// Clients are those who are connected now, and those who logged in so far back as far as the server's log
// tells (recent). log says in words what of the log was read.
func Clients(ctx context.Context, conn *pgx.Conn, back time.Duration) (list []Client, log string, err error) {
	if list, err = connected(ctx, conn); err != nil {
		return nil, "", err
	}
	before, log, err := recent(ctx, conn, back)
	if err != nil {
		return nil, "", err
	}
	for _, c := range before {
		at := slices.IndexFunc(list, func(x Client) bool { x.Now, x.Method = false, c.Method; return x == c })
		if at < 0 {
			list = append(list, c)
		} else {
			list[at].Method = c.Method
		}
	}
	verifiers, err := verifiers(ctx, conn)
	if err != nil {
		return nil, "", err
	}
	out := list[:0]
	for _, c := range list {
		if kind, there := verifiers[c.User]; there { // a role that is gone is refused anyway
			c.Verifier = kind
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b Client) int {
		return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Application, b.Application), cmp.Compare(a.TLS, b.TLS))
	})
	return out, log, nil
}

func verifiers(ctx context.Context, conn *pgx.Conn) (map[string]string, error) {
	rows, err := conn.Query(ctx, `SELECT rolname, CASE WHEN rolpassword IS NULL THEN 'none' WHEN rolpassword LIKE 'md5%' THEN 'md5' ELSE 'scram-sha-256' END FROM pg_authid`)
	if err != nil {
		return nil, fmt.Errorf("ask how passwords are kept: %w", err)
	}
	out := map[string]string{}
	var name, kind string
	_, err = pgx.ForEachRow(rows, []any{&name, &kind}, func() error { out[name] = kind; return nil })
	return out, err
}
