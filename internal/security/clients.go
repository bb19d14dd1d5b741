package security

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Client is somebody who logs in over TCP: all sessions of one role, address and program that came in the same way.
type Client struct {
	User        string `json:"user"`
	Address     string `json:"address"`
	Application string `json:"application,omitempty"`
	TLS         string `json:"tls,omitempty"` // "TLSv1.2"; "" = without
	Verifier    string `json:"-"`             // of the role's password: "md5", "scram-sha-256" or "none"
	Now         bool   `json:"now"`           // connected at this moment, and not only by the log
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

// Refuses says why the rules would not let the client in; "" = they would. trusted says that a role
// without a password can only have come in by trust.
func (r Rules) Refuses(c Client, trusted bool) string {
	var why []string
	switch {
	case c.TLS == "" && r.Strict && !nearby(c.Address):
		why = append(why, "without TLS")
	case c.TLS != "" && slices.Index(versions, c.TLS) < slices.Index(versions, r.TLS):
		why = append(why, "with "+c.TLS)
	}
	if r.SCRAM && c.Verifier == "md5" {
		why = append(why, "its password is kept as MD5")
	}
	if r.Strict && trusted && c.Verifier == "none" {
		why = append(why, "it has no password, and comes in by trust")
	}
	return strings.Join(why, ", ")
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

// Clients are those who are connected now, and those who logged in lately as far as the server's log
// tells (recent). log says in words what of the log was read.
func Clients(ctx context.Context, conn *pgx.Conn) (list []Client, log string, err error) {
	if list, err = connected(ctx, conn); err != nil {
		return nil, "", err
	}
	before, log, err := recent(ctx, conn)
	if err != nil {
		return nil, "", err
	}
	for _, c := range before {
		if !slices.ContainsFunc(list, func(x Client) bool { x.Now = false; return x == c }) {
			list = append(list, c)
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

// onlyTrust says that pg_hba.conf has rules that trust, and none by which a role without a password
// could come in over TCP but for them.
func onlyTrust(ctx context.Context, conn *pgx.Conn) (yes bool, err error) {
	err = conn.QueryRow(ctx, `SELECT coalesce(bool_or(auth_method = 'trust'), false) AND NOT coalesce(bool_or(auth_method NOT IN ('trust', 'reject', 'scram-sha-256', 'md5', 'password')), false)
		FROM pg_hba_file_rules WHERE type <> 'local'`).Scan(&yes)
	return yes, err
}
