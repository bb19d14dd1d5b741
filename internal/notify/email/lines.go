package email

import (
	"context"
	"net/mail"
	"strings"
	"sync"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

const (
	idleFor  = 20 * time.Second // servers close what nobody uses after a minute or more
	mostMail = 500              // on one connection: there are servers that count
)

// lines are the connections to a mail server that nobody uses at the moment.
type lines struct {
	mu   sync.Mutex
	free []*line
}

// line is a connection that has said who it is.
type line struct {
	c     *smtp.Client
	group bool // the server takes several commands at once (PIPELINING, RFC 2920)
	mails int
	close *time.Timer // when nobody uses it
	once  sync.Once
}

// take gives a connection, and whether it has been used before.
func (p *lines) take(ctx context.Context, s *Server) (l *line, used bool, err error) {
	p.mu.Lock()
	for len(p.free) > 0 && l == nil {
		l = p.free[len(p.free)-1]
		p.free = p.free[:len(p.free)-1]
		if !l.close.Stop() { // it is being closed
			l = nil
		}
	}
	p.mu.Unlock()
	if l != nil {
		return l, true, nil
	}
	c, err := s.open(ctx)
	if err != nil {
		return nil, false, err
	}
	group, _ := c.Extension("PIPELINING")
	return &line{c: c, group: group}, false, nil
}

// keep holds a connection for the next message, for a while.
func (p *lines) keep(l *line) {
	if l.mails++; l.mails >= mostMail {
		go func() {
			_ = l.c.Quit()
			l.hangUp()
		}()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	l.close = time.AfterFunc(idleFor, l.hangUp)
	p.free = append(p.free, l)
}

func (l *line) hangUp() { l.once.Do(func() { _ = l.c.Close() }) }

// envelope says from whom to whom. what tells which part of it was not taken.
func (l *line) envelope(from, to string) (what string, err error) {
	if !l.group || !plain(from) || !plain(to) {
		return l.oneByOne(from, to)
	}
	t := l.c.Text
	if err := t.PrintfLine("MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA", from, to); err != nil {
		return "broke off", err
	}
	_, _, errFrom := t.ReadResponse(250)
	_, _, errTo := t.ReadResponse(25)
	_, _, errData := t.ReadResponse(354)
	switch {
	case errFrom != nil:
		return "takes no mail from " + from, errFrom
	case errTo != nil:
		return "takes no mail for " + to, errTo
	}
	return "takes no message", errData
}

// plain says whether an address needs no extension, and can hold no second command.
func plain(address string) bool {
	a, err := mail.ParseAddress(address)
	return err == nil && a.Address == address && !strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r > '~' || r == '<' || r == '>' })
}

func (l *line) oneByOne(from, to string) (what string, err error) {
	if err := l.c.Mail(from); err != nil {
		return "takes no mail from " + from, err
	}
	if err := l.c.Rcpt(to); err != nil {
		return "takes no mail for " + to, err
	}
	if err := l.c.Text.PrintfLine("DATA"); err != nil {
		return "broke off", err
	}
	_, _, err = l.c.Text.ReadResponse(354)
	return "takes no message", err
}

// message hands a message over, and waits for the answer.
func (l *line) message(data []byte) error {
	w := l.c.Text.DotWriter()
	if _, err := w.Write(data); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_, _, err := l.c.Text.ReadResponse(250)
	return err
}
