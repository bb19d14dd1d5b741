package security

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// Attempt is a login that goes no further than to what the server asks for: nobody logs in.
type Attempt struct {
	Address        string // host:port
	From           net.IP // of this machine; nil = as the system chooses
	TLS            uint16 // newest version that is offered, as crypto/tls counts; 0 = without TLS
	User, Database string
}

// Answer is what a server asks of whoever tries to log in, or why it does not.
type Answer struct {
	Method  string // "trust", "password", "md5", "scram-sha-256", "" = another one, or refused
	Refused string // in the server's words; "" = it would go on
	NoTLS   bool   // no TLS of that version is spoken
	Version uint16 // of TLS that is spoken
}

// Ask begins a login and looks what the server answers (manual, "Message Flow", "Start-up"). An error means
// that there was no answer.
func (a Attempt) Ask(ctx context.Context) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, handshake)
	defer cancel()
	dialer := net.Dialer{}
	if a.From != nil {
		dialer.LocalAddr = &net.TCPAddr{IP: a.From}
	}
	raw, err := dialer.DialContext(ctx, "tcp", a.Address)
	if err != nil {
		return Answer{}, fmt.Errorf("try to log in at %s: %w", a.Address, err)
	}
	defer func() { _ = raw.Close() }()
	deadline, _ := ctx.Deadline()
	if err := raw.SetDeadline(deadline); err != nil {
		return Answer{}, err
	}
	answer, err := a.ask(ctx, raw)
	if err != nil {
		err = fmt.Errorf("try to log in at %s: %w", a.Address, err)
	}
	return answer, err
}

func (a Attempt) ask(ctx context.Context, conn net.Conn) (out Answer, err error) {
	if a.TLS != 0 {
		secure, err := a.secure(ctx, conn)
		if err != nil || secure == nil {
			return Answer{NoTLS: true}, err
		}
		out.Version, conn = secure.ConnectionState().Version, secure
	}
	f := pgproto3.NewFrontend(conn, conn)
	f.Send(&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersion30, Parameters: map[string]string{"user": a.User, "database": a.Database, "application_name": "lull"}})
	if err := f.Flush(); err != nil {
		return out, err
	}
	said, err := f.Receive()
	if err != nil {
		return out, err
	}
	switch m := said.(type) {
	case *pgproto3.ErrorResponse:
		out.Refused = m.Message
	case *pgproto3.AuthenticationOk:
		out.Method = "trust"
	case *pgproto3.AuthenticationCleartextPassword:
		out.Method = "password"
	case *pgproto3.AuthenticationMD5Password:
		out.Method = "md5"
	case *pgproto3.AuthenticationSASL:
		out.Method = "scram-sha-256"
	}
	return out, nil
}

// secure asks for TLS; nil when there is none, or none of the versions.
func (a Attempt) secure(ctx context.Context, raw net.Conn) (*tls.Conn, error) {
	if _, err := raw.Write(sslRequest()); err != nil {
		return nil, err
	}
	answer := make([]byte, 1)
	if _, err := io.ReadFull(raw, answer); err != nil {
		return nil, err
	}
	if answer[0] != 'S' {
		return nil, nil
	}
	// Whether to trust the certificate is not what is asked here.
	c := tls.Client(raw, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: a.TLS})
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := c.HandshakeContext(ctx); err != nil {
		return nil, nil
	}
	return c, nil
}
