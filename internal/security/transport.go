package security

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/checks"
)

// transport is TLS between clients and the server.
var transport = []checks.Check{
	{
		ID: "tls-off", Severity: checks.Warning, Once: true, Topic: server, Title: "The server does not speak TLS",
		Why:    "Queries and rows cross the network for everybody on the way to read and to change. Where it listens beyond its own machine, that is a hole.",
		Fix:    "Put key and certificate where the server can read them, set ssl_cert_file and ssl_key_file, then ALTER SYSTEM SET ssl = on and reload.",
		Breaks: "Nothing: clients that do not ask for TLS go on without it.",
		SQL: `SELECT 'listen_addresses = ' || quote_literal(current_setting('listen_addresses')) AS object, 'ALTER SYSTEM SET ssl = on' AS command,
		             CASE WHEN EXISTS (SELECT FROM regexp_split_to_table(current_setting('listen_addresses'), '[ ,]+') AS a WHERE a !~ '^(localhost|127[.].*|::1|)$') THEN 'fix' END AS severity
		      WHERE NOT current_setting('ssl')::bool`,
	},
	{
		ID: "tls-version", Severity: checks.Warning, Once: true, Source: checks.Versions{From: 12}, Topic: server, Title: "Old versions of TLS are let in",
		Why:    "TLS 1.0 and 1.1 have known weaknesses and are given up (RFC 8996).",
		Fix:    "Set ssl_min_protocol_version to TLSv1.2 or TLSv1.3, and reload.",
		Breaks: "Clients with libraries from before 2012, for TLSv1.3 from before 2018.",
		SQL: `SELECT name || ' = ' || quote_literal(setting) AS object, 'ALTER SYSTEM SET ssl_min_protocol_version = ''TLSv1.2''' AS command
		      FROM pg_settings WHERE name = 'ssl_min_protocol_version' AND setting NOT IN ('TLSv1.2', 'TLSv1.3')`,
	},
	{
		ID: "tls-certificate-dates", Severity: checks.Warning, Once: true, Topic: server, Title: "The server's certificate is out of date, or will be soon",
		Why:    "From that day on clients that verify refuse the server, all at the same moment.",
		Fix:    "Put a new certificate into ssl_cert_file, with its key, and reload.",
		Breaks: "Clients that pinned the old one.",
		How:    "Lull asks for TLS from where it runs and reads the certificate that it is shown.",
		Look:   dates,
	},
	{
		ID: "tls-certificate-name", Severity: checks.Warning, Once: true, Topic: server, Title: "The server's certificate is for another name",
		Why:    "Clients that verify the name (sslmode=verify-full) refuse it. The others cannot tell the server from somebody in between.",
		Fix:    "Have a certificate made with all names and addresses that clients use, and reload.",
		Breaks: "Clients that pinned the old one.",
		How:    "Lull asks for TLS from where it runs, and compares the certificate that it is shown with the host of its own dsn.",
		Look:   names,
	},
}

// soon is how long before its end a certificate is told of: long enough for an order, short
// enough for those that are renewed by themselves every 90 days.
const soon = 21 * 24 * time.Hour

func dates(ctx context.Context, conn *pgx.Conn, _ checks.Subject) ([]checks.Object, error) {
	cert, err := certificate(ctx, conn)
	if err != nil || cert == nil {
		return nil, err
	}
	o := checks.Object{Name: subject(cert)}
	switch now := time.Now(); {
	case now.After(cert.NotAfter):
		o.Detail, o.Severity = "it ended on "+day(cert.NotAfter), checks.Fix
	case now.Before(cert.NotBefore):
		o.Detail, o.Severity = "it begins on "+day(cert.NotBefore), checks.Fix
	case now.Add(soon).After(cert.NotAfter):
		o.Detail = "it ends on " + day(cert.NotAfter)
	default:
		return nil, nil
	}
	return []checks.Object{o}, nil
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func names(ctx context.Context, conn *pgx.Conn, _ checks.Subject) ([]checks.Object, error) {
	cert, err := certificate(ctx, conn)
	if err != nil || cert == nil {
		return nil, err
	}
	host := conn.Config().Host
	if cert.VerifyHostname(host) == nil {
		return nil, nil
	}
	list := append([]string{}, cert.DNSNames...)
	for _, ip := range cert.IPAddresses {
		list = append(list, ip.String())
	}
	if len(list) == 0 {
		list = []string{"no name, as clients read it"}
	}
	return []checks.Object{{Name: host, Detail: "it is for " + strings.Join(list, ", ")}}, nil
}

func subject(cert *x509.Certificate) string {
	if s := cert.Subject.String(); s != "" {
		return s
	}
	return "serial number " + cert.SerialNumber.String()
}

// certificate is what the server shows to whoever asks it for TLS; nil when it has none, or is
// reached by a socket, where there is no TLS.
func certificate(ctx context.Context, conn *pgx.Conn) (*x509.Certificate, error) {
	at := conn.Config()
	if strings.HasPrefix(at.Host, "/") || strings.HasPrefix(at.Host, "@") {
		return nil, nil
	}
	return shown(ctx, net.JoinHostPort(at.Host, strconv.Itoa(int(at.Port))), at.Host)
}

// handshake is how long asking for a certificate may take.
const handshake = 10 * time.Second

// sslRequest is the first message of a client that wants TLS (manual, "Message Formats", SSLRequest).
func sslRequest() []byte {
	out := binary.BigEndian.AppendUint32(nil, 8)
	return binary.BigEndian.AppendUint32(out, 80877103)
}

// shown asks a PostgreSQL server, or a pooler, for TLS. Whether to trust the certificate is not its question.
func shown(ctx context.Context, address, host string) (*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, handshake)
	defer cancel()
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("ask %s for TLS: %w", address, err)
	}
	defer func() { _ = raw.Close() }()
	deadline, _ := ctx.Deadline()
	if err := raw.SetDeadline(deadline); err != nil {
		return nil, err
	}
	if _, err := raw.Write(sslRequest()); err != nil {
		return nil, fmt.Errorf("ask %s for TLS: %w", address, err)
	}
	answer := make([]byte, 1)
	if _, err := io.ReadFull(raw, answer); err != nil {
		return nil, fmt.Errorf("ask %s for TLS: %w", address, err)
	}
	if answer[0] != 'S' {
		return nil, nil
	}
	c := tls.Client(raw, &tls.Config{ServerName: host, InsecureSkipVerify: true, MinVersion: tls.VersionTLS10})
	err = c.HandshakeContext(ctx)
	if seen := c.ConnectionState().PeerCertificates; len(seen) > 0 {
		return seen[0], nil // even where it asks for a certificate of ours
	}
	if err == nil {
		err = errors.New("it shows no certificate")
	}
	return nil, fmt.Errorf("speak TLS with %s: %w", address, err)
}
