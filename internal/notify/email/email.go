// Package email tells people by mail: one message each, handed to the operator's own mail server.
//
// It must not know who gets mail, or what a page looks like: the calendar of a maintenance is given to it.
package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/textproto"
	"strings"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/lullhq/lull/internal/notify"
)

// Mailer hands mail to a server.
type Mailer struct {
	Server   Server
	From     string                                                     // an address, with a name before it if one is wanted
	List     string                                                     // name of what people get mail of, for its List-Id
	Sign     func(message []byte) ([]byte, error)                       // nil = it is not signed
	Calendar func(ctx context.Context, n notify.Notice) ([]byte, error) // nil = nothing is attached
	Leave    func(recipient string) string                              // address by which one leaves, nil = there is none

	lines   lines
	letters letters
}

// Server is a mail server, and how it is spoken to.
type Server struct {
	Host     string
	Port     int
	TLS      string // "starttls", "implicit" or "none"
	User     string // "" = it asks for nobody's name
	Password string
	Roots    *tls.Config // nil = those of this machine
	Dial     func(ctx context.Context, network, address string) (net.Conn, error)
}

var _ notify.Wide = (*Mailer)(nil)

const lanes = 16 // connections to the server at once, at most

// Lanes implements notify.Wide.
func (*Mailer) Lanes() int { return lanes }

// Knows implements notify.Channel. A message has the same Message-ID at each attempt, but there are mailboxes that
// show both.
func (*Mailer) Knows() bool { return false }

// Send implements notify.Channel.
func (m *Mailer) Send(ctx context.Context, msg notify.Message) error {
	data, err := m.compose(ctx, msg)
	if err != nil {
		return fmt.Errorf("write the mail: %w", err)
	}
	from, err := mail.ParseAddress(m.From)
	if err != nil {
		return notify.Refuse("%q is not an address of mail", m.From)
	}
	to, err := mail.ParseAddress(msg.To.Recipient)
	if err != nil {
		return notify.Refuse("%q is not an address of mail", msg.To.Recipient)
	}
	for {
		l, used, err := m.lines.take(ctx, &m.Server)
		if err != nil {
			return fmt.Errorf("reach %s: %w", m.Server.Host, brief(err))
		}
		stop := context.AfterFunc(ctx, l.hangUp) // a server that falls silent is not waited for
		err = m.hand(l, from.Address, to.Address, data)
		if !stop() || err != nil {
			l.hangUp()
		} else {
			m.lines.keep(l)
		}
		if gone := (*hungUp)(nil); used && errors.As(err, &gone) && ctx.Err() == nil {
			continue // the server had closed a connection that was idle: nothing has happened
		}
		return err
	}
}

// hungUp says that a connection ended before anything was handed over.
type hungUp struct{ error }

func (h *hungUp) Unwrap() error { return h.error }

// hand is the conversation about one message. Up to its last dot nothing has happened.
func (m *Mailer) hand(l *line, from, to string, data []byte) error {
	if what, err := l.envelope(from, to); err != nil {
		return m.said(what, err)
	}
	if err := l.message(data); err != nil {
		var code *textproto.Error
		if !errors.As(err, &code) {
			return fmt.Errorf("%w: %s: %w", notify.ErrUnanswered, m.Server.Host, brief(err))
		}
		return m.said("does not take the message", err)
	}
	return nil
}

const closing = 421 // the answer of a server that closes the connection (RFC 5321, section 4.2.1)

// said turns an answer into what it means. 5 at its begin is a no for good.
func (m *Mailer) said(what string, err error) error {
	var code *textproto.Error
	known := errors.As(err, &code)
	if known && code.Code >= 500 {
		return notify.Refuse("%s %s: %s", m.Server.Host, what, brief(err))
	}
	told := fmt.Errorf("%s %s: %w", m.Server.Host, what, brief(err))
	if !known || code.Code == closing {
		return &hungUp{told}
	}
	return told
}

// brief is an error on one line.
func brief(err error) error {
	const most = 300
	text := strings.Join(strings.Fields(err.Error()), " ")
	return errors.New(strings.ToValidUTF8(text[:min(len(text), most)], ""))
}

// open connects, asks for privacy and says who it is.
func (s Server) open(ctx context.Context) (*smtp.Client, error) {
	config := s.Roots.Clone()
	if config == nil {
		config = &tls.Config{}
	}
	config.ServerName, config.MinVersion = s.Host, tls.VersionTLS12
	options := []gomail.Option{gomail.WithPort(s.Port), gomail.WithTLSConfig(config), gomail.WithTLSPolicy(gomail.NoTLS), gomail.WithDialContextFunc(s.Dial)}
	switch s.TLS {
	case "starttls":
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case "implicit":
		options = append(options, gomail.WithDialContextFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := s.Dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			secure := tls.Client(conn, config)
			if err := secure.HandshakeContext(ctx); err != nil {
				return nil, errors.Join(err, conn.Close())
			}
			return secure, nil
		}))
	}
	client, err := gomail.NewClient(s.Host, options...)
	if err != nil {
		return nil, err
	}
	c, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil || s.User == "" {
		return c, err
	}
	if err := s.login(c); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// login says who it is, in a way that the server knows. A password goes over nothing but TLS.
func (s Server) login(c *smtp.Client) error {
	_, ways := c.Extension("AUTH")
	if s.TLS == "none" {
		return errors.New("a password is sent over TLS only: write tls: starttls, or take user out")
	}
	if strings.Contains(" "+strings.ToUpper(ways)+" ", " PLAIN ") {
		return c.Auth(smtp.PlainAuth("", s.User, s.Password, s.Host, false))
	}
	return c.Auth(smtp.LoginAuth(s.User, s.Password, s.Host, false))
}
