package app

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
)

// office is a real mail server that keeps what it is handed.
type office struct {
	mu   sync.Mutex
	mail map[string]string // by recipient
}

func newOffice(t *testing.T) (*office, string) {
	t.Helper()
	o := &office{mail: map[string]string{}}
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &sitting{office: o}, nil }))
	s.Domain = "localhost"
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return o, l.Addr().String()
}

type sitting struct {
	*office
	to string
}

func (*sitting) Mail(string, *smtp.MailOptions) error { return nil }
func (s *sitting) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	return nil
}
func (s *sitting) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mail[s.to] += string(text)
	return err
}
func (*sitting) Reset()        {}
func (*sitting) Logout() error { return nil }

// Everybody gets mail in their own language and at their own time of day.
func TestMailFromAPlan(t *testing.T) {
	t.Parallel()
	o, address := newOffice(t)
	a, dir := appFor(t, fmt.Sprintf(`notices: {private: [127.0.0.0/8]}
channels:
  customers:
    email:
      from: Example <status@example.com>
      smtp: %q
      tls: none
      to: [ann@example.org, {address: bob@example.org, language: fr, zone: Europe/Paris}]
`, address))
	a.now = at("2026-12-01 00:00")
	if _, err := a.Schedule(t.Context(), planFile(t, dir, "notices: [7d]")); err != nil {
		t.Fatal(err)
	}
	tellsAll(t, a)
	tellsAll(t, a)
	for who, wants := range map[string][]string{
		"ann@example.org": {"Subject: Planned maintenance on 5 Dec 2026: Database upgrade", "17:00 to 19:00 Auckland time", "text/calendar"},
		"bob@example.org": {"Content-Language: fr", "05:00", "maintenance.ics"},
	} {
		for _, want := range wants {
			if !strings.Contains(o.mail[who], want) {
				t.Errorf("mail to %s has no %q:\n%s", who, want, o.mail[who])
			}
		}
		if n := strings.Count(o.mail[who], "Message-ID: "); n != 1 {
			t.Errorf("%d messages to %s", n, who)
		}
	}
}
