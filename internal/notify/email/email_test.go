package email_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/notify/email"
)

const password = "hunter2"

// office is a real mail server with one user.
type office struct {
	*smtp.Server
	port  int
	roots *x509.CertPool
	rcpt  error // what it says to recipients
	door  *door
	data  error

	mu   sync.Mutex
	mail []string
}

func newOffice(t *testing.T, implicit bool) *office {
	t.Helper()
	o := &office{roots: x509.NewCertPool()}
	o.Server = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{office: o, conn: c}, nil
	}))
	o.Domain, o.TLSConfig = "localhost", &tls.Config{Certificates: []tls.Certificate{certificate(t, o.roots)}}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.port = l.Addr().(*net.TCPAddr).Port
	o.door = &door{Listener: l}
	if l = o.door; implicit {
		l = tls.NewListener(l, o.TLSConfig)
	}
	go func() { _ = o.Serve(l) }()
	t.Cleanup(func() { _ = o.Close() })
	return o
}

// door keeps the connections that came in.
type door struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func (d *door) Accept() (net.Conn, error) {
	c, err := d.Listener.Accept()
	if err == nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.conns = append(d.conns, c)
	}
	return c, err
}

func (d *door) opened() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.conns)
}

func (d *door) hangUp() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.conns {
		_ = c.Close()
	}
}

func certificate(t *testing.T, roots *x509.CertPool) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

type session struct {
	*office
	conn *smtp.Conn
	in   bool
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, pass string) error {
		if s.in = user == "lull" && pass == password; s.in {
			return nil
		}
		return smtp.ErrAuthFailed
	}), nil
}

func (s *session) Mail(string, *smtp.MailOptions) error {
	if _, secure := s.conn.TLSConnectionState(); !s.in || !secure {
		return smtp.ErrAuthRequired
	}
	return nil
}
func (s *session) Rcpt(string, *smtp.RcptOptions) error { return s.rcpt }
func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mail = append(s.mail, string(text))
	return s.data
}
func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

func mailer(o *office, way string) *email.Mailer {
	return &email.Mailer{
		From:   "Example status <status@example.com>",
		Server: email.Server{Host: "localhost", Port: o.port, TLS: way, User: "lull", Password: password, Roots: &tls.Config{RootCAs: o.roots}, Dial: (&net.Dialer{}).DialContext},
		Calendar: func(context.Context, notify.Notice) ([]byte, error) {
			return []byte("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"), nil
		},
	}
}

func message() notify.Message {
	return notify.Message{
		Key: "0123456789abcdef", To: notify.Address{Channel: "customers", Recipient: "Ann <ann@example.org>"}, Language: "de",
		Notice:  notify.Notice{ID: "pg17/7d/x", Subject: "pg17", Kind: notify.Ahead, Window: maint.Window{Start: "2026-12-05 17:00", Zone: "UTC", Allow: time.Hour}},
		Subject: "Geplante Wartung am 5. Dez. 2026: <Datenbank>", Text: "Grüße & <b>mehr</b>.\n\nWann: 17:00\nBetrifft: App\n\n" + strings.Repeat("lang ", 300) + "\n\n.\n.. Punkte", Label: "Mehr", Link: "https://status.example.com/maintenance/pg17",
		Now: time.Date(2026, 11, 28, 4, 0, 0, 0, time.UTC),
	}
}

// parts reads a message with the standard library, which did not write it.
func parts(t *testing.T, raw string) (mail.Header, map[string]string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	walk(t, m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), m.Body, out)
	return m.Header, out
}

func walk(t *testing.T, contentType, encoding string, body io.Reader, out map[string]string) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		t.Fatalf("%q: %v", contentType, err)
	}
	if !strings.HasPrefix(kind, "multipart/") {
		switch strings.ToLower(encoding) {
		case "quoted-printable":
			body = quotedprintable.NewReader(body)
		case "base64":
			body = base64.NewDecoder(base64.StdEncoding, body)
		}
		text, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		out[kind] = strings.ReplaceAll(string(text), "\r\n", "\n")
		return
	}
	r := multipart.NewReader(body, params["boundary"])
	for {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		walk(t, p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p, out)
	}
}

func TestMail(t *testing.T) {
	t.Parallel()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for way, implicit := range map[string]bool{"starttls": false, "implicit": true} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, implicit)
			m := mailer(o, way)
			der, err := x509.MarshalPKCS8PrivateKey(private)
			if err != nil {
				t.Fatal(err)
			}
			if m.Sign, err = email.Signer("example.com", "lull", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil {
				t.Fatal(err)
			}
			m.Leave = email.Leaver("https://example.com/leave?t={token}", []byte("key"))
			for range 2 {
				if err := m.Send(t.Context(), message()); err != nil {
					t.Fatal(err)
				}
			}
			header, part := parts(t, o.mail[0])
			again, _ := parts(t, o.mail[1])
			if id := header.Get("Message-ID"); id != "<0123456789abcdef@example.com>" || id != again.Get("Message-ID") {
				t.Errorf("ids %q and %q", id, again.Get("Message-ID"))
			}
			subject, err := (&mime.WordDecoder{}).DecodeHeader(header.Get("Subject"))
			if err != nil || subject != message().Subject {
				t.Errorf("subject %q, %v", subject, err)
			}
			for name, want := range map[string]string{
				"To": `"Ann" <ann@example.org>`, "From": `"Example status" <status@example.com>`, "References": "<maintenance.pg17@example.com>", "In-Reply-To": "<maintenance.pg17@example.com>",
				"Auto-Submitted": "auto-generated", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click", "List-Unsubscribe": "<" + m.Leave("Ann <ann@example.org>") + ">",
			} {
				if got := header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if want := message().Text + "\n\nMehr:\n" + message().Link + "\n"; strings.TrimRight(part["text/plain"], "\n")+"\n" != want {
				t.Errorf("text %q\nwant %q", part["text/plain"], want)
			}
			if html := part["text/html"]; !strings.Contains(html, "Grüße &amp; &lt;b&gt;mehr&lt;/b&gt;.") || !strings.Contains(html, "<p>Wann: 17:00<br>Betrifft: App</p>") || !strings.Contains(html, `lang="de"`) {
				t.Errorf("html: %s", html)
			}
			if ics := part["text/calendar"]; !strings.HasPrefix(ics, "BEGIN:VCALENDAR\n") {
				t.Errorf("calendar: %q", ics)
			}
			verify(t, o.mail[0], public)
		})
	}
}

func verify(t *testing.T, raw string, public ed25519.PublicKey) {
	t.Helper()
	lookup := func(name string) ([]string, error) {
		if name != "lull._domainkey.example.com" {
			return nil, errors.New("no such name: " + name)
		}
		return []string{"v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)}, nil
	}
	found, err := dkim.VerifyWithOptions(strings.NewReader(raw), &dkim.VerifyOptions{LookupTXT: lookup})
	if err != nil || len(found) != 1 || found[0].Err != nil {
		t.Fatalf("signatures: %+v, %v", found, err)
	}
	covered := strings.ToLower(strings.Join(found[0].HeaderKeys, " "))
	for _, name := range []string{"from", "list-unsubscribe", "list-unsubscribe-post", "message-id"} {
		if !strings.Contains(" "+covered+" ", " "+name+" ") {
			t.Errorf("%s is not signed: %s", name, covered)
		}
	}
	changed, err := dkim.VerifyWithOptions(strings.NewReader(strings.Replace(raw, "One-Click", "Two-Click", 1)), &dkim.VerifyOptions{LookupTXT: lookup})
	if err != nil || len(changed) != 1 || changed[0].Err == nil {
		t.Errorf("a changed header goes through: %+v, %v", changed, err)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	var refused *notify.Refused
	for name, tt := range map[string]struct {
		set   func(*office, *email.Mailer)
		check func(error) bool
	}{
		"nobody of that name":      {func(o *office, _ *email.Mailer) { o.rcpt = &smtp.SMTPError{Code: 550, Message: "no such user"} }, func(err error) bool { return errors.As(err, &refused) }},
		"a full box":               {func(o *office, _ *email.Mailer) { o.rcpt = &smtp.SMTPError{Code: 452, Message: "full"} }, func(err error) bool { return !errors.As(err, &refused) }},
		"a message it dislikes":    {func(o *office, _ *email.Mailer) { o.data = &smtp.SMTPError{Code: 554, Message: "spam"} }, func(err error) bool { return errors.As(err, &refused) }},
		"a wrong password":         {func(_ *office, m *email.Mailer) { m.Server.Password = "wrong" }, func(err error) bool { return !errors.As(err, &refused) }},
		"a password without TLS":   {func(_ *office, m *email.Mailer) { m.Server.TLS = "none" }, func(err error) bool { return strings.Contains(err.Error(), "over TLS only") }},
		"a stranger's certificate": {func(_ *office, m *email.Mailer) { m.Server.Roots = nil }, func(err error) bool { return strings.Contains(err.Error(), "certificate") }},
		"no server":                {func(_ *office, m *email.Mailer) { m.Server.Port = 1 }, func(err error) bool { return !errors.Is(err, notify.ErrUnanswered) }},
		"not an address":           {func(_ *office, m *email.Mailer) { m.From = "nobody" }, func(err error) bool { return true }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, false)
			m := mailer(o, "starttls")
			tt.set(o, m)
			err := m.Send(t.Context(), message())
			if err == nil || !tt.check(err) || strings.Contains(err.Error(), password) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// What people write comes into headers: no line of theirs becomes one.
func TestHeadersHoldOneLine(t *testing.T) {
	t.Parallel()
	o := newOffice(t, false)
	msg := message()
	msg.Subject = "a\r\nBcc: all@example.com"
	if err := mailer(o, "starttls").Send(t.Context(), msg); err != nil {
		t.Fatal(err)
	}
	if header, _ := parts(t, o.mail[0]); header.Get("Bcc") != "" {
		t.Errorf("a header was smuggled in: %v", header)
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string][]byte{
		"none": nil, "noise": []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
	} {
		if sign, err := email.Signer("example.com", "s", text); err == nil || sign != nil || bytes.Contains([]byte(err.Error()), []byte("AAAA")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzSigner(f *testing.F) {
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(_ *testing.T, text []byte) { _, _ = email.Signer("example.com", "s", text) })
}

// Several messages go over one connection. One that the server has closed meanwhile is replaced, and nothing is sent twice.
func TestConnectionsAreKept(t *testing.T) {
	t.Parallel()
	o := newOffice(t, false)
	m := mailer(o, "starttls")
	send := func(n int) {
		t.Helper()
		for range n {
			if err := m.Send(t.Context(), message()); err != nil {
				t.Fatal(err)
			}
		}
	}
	send(3)
	if n := o.door.opened(); n != 1 {
		t.Errorf("%d connections for three messages", n)
	}
	o.door.hangUp()
	send(2)
	if n := o.door.opened(); n != 2 || len(o.mail) != 5 {
		t.Errorf("%d connections, %d messages", n, len(o.mail))
	}
	o.rcpt = &smtp.SMTPError{Code: 550, Message: "no such user"}
	if err := m.Send(t.Context(), message()); err == nil {
		t.Error("a stranger got mail")
	}
	o.rcpt = nil
	send(1)
	if len(o.mail) != 6 {
		t.Errorf("%d messages", len(o.mail))
	}
}

// No address becomes a second command, and a name beside it is written as mail has it.
func TestAnAddressIsOneCommand(t *testing.T) {
	t.Parallel()
	o := newOffice(t, false)
	m := mailer(o, "starttls")
	msg := message()
	var refused *notify.Refused
	for _, to := range []string{`"a b"@example.org`, `"a>b"@example.org`, `"a> SIZE=1"@example.org`} {
		msg.To.Recipient = to
		if err := m.Send(t.Context(), msg); !errors.As(err, &refused) || len(o.mail) != 0 {
			t.Errorf("%s: %v", to, err)
		}
	}
	msg.To.Recipient = "Ünal <ann@example.org>"
	if err := m.Send(t.Context(), msg); err != nil {
		t.Fatal(err)
	}
	if header, _ := parts(t, o.mail[len(o.mail)-1]); !strings.HasPrefix(header.Get("To"), "=?utf-8?q?=C3=9Cnal?= <") {
		t.Errorf("to: %s", header.Get("To"))
	}
}
