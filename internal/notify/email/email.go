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

var _ notify.Channel = (*Mailer)(nil)

// Knows implements notify.Channel: a message has the same Message-ID at each attempt.
func (*Mailer) Knows() bool { return true }

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
	c, err := m.Server.open(ctx)
	if err != nil {
		return fmt.Errorf("reach %s: %w", m.Server.Host, brief(err))
	}
	defer func() { _ = c.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() }) // a server that falls silent is not waited for
	defer stop()
	return m.hand(c, from.Address, to.Address, data)
}

// hand is the conversation about one message. Up to its last dot nothing has happened.
func (m *Mailer) hand(c *smtp.Client, from, to string, data []byte) error {
	if err := c.Mail(from); err != nil {
		return m.said("takes no mail from "+from, err)
	}
	if err := c.Rcpt(to); err != nil {
		return m.said("takes no mail for "+to, err)
	}
	w, err := c.Data()
	if err != nil {
		return m.said("takes no message", err)
	}
	if _, err := w.Write(data); err != nil {
		return m.said("broke off", err)
	}
	if err := w.Close(); err != nil {
		var code *textproto.Error
		if !errors.As(err, &code) {
			return fmt.Errorf("%w: %s: %w", notify.ErrUnanswered, m.Server.Host, brief(err))
		}
		return m.said("does not take the message", err)
	}
	_ = c.Quit() // it has taken the message
	return nil
}

// said turns an answer into what it means. 5 at its begin is a no for good.
func (m *Mailer) said(what string, err error) error {
	var code *textproto.Error
	if errors.As(err, &code) && code.Code >= 500 {
		return notify.Refuse("%s %s: %s", m.Server.Host, what, brief(err))
	}
	return fmt.Errorf("%s %s: %w", m.Server.Host, what, brief(err))
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
