package email

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/lullhq/lull/internal/notify"
)

//go:embed mail.html
var page string

var layout = template.Must(template.New("mail").Parse(page))

// letters are messages without what differs from one recipient to the next. Writing one takes longer than sending it.
type letters struct {
	mu   sync.Mutex
	made map[content]letter
}

// content is what a letter depends on.
type content struct{ notice, language, subject, text, link string }

type letter struct {
	raw []byte
	at  time.Time
}

const (
	mostLetters = 64
	freshFor    = time.Minute // its calendar is that of a moment
)

// compose writes a message.
func (m *Mailer) compose(ctx context.Context, msg notify.Message) ([]byte, error) {
	body, err := m.letter(ctx, msg)
	if err != nil {
		return nil, err
	}
	to, err := mail.ParseAddress(msg.To.Recipient)
	if err != nil {
		return nil, err
	}
	var raw bytes.Buffer
	raw.Grow(len(body) + 1024)
	fmt.Fprintf(&raw, "Message-ID: <%s@%s>\r\nDate: %s\r\nTo: %s\r\n", msg.Key, m.host(), msg.Now.Format(time.RFC1123Z), to)
	if leave := m.leave(msg); leave != "" {
		fmt.Fprintf(&raw, "List-Unsubscribe: <%s>\r\n", leave)
		if strings.HasPrefix(leave, "https://") { // RFC 8058, 3.1: with one click over https alone. Else a person opens the page
			raw.WriteString("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n")
		}
	}
	raw.Write(body)
	if m.Sign == nil {
		return raw.Bytes(), nil
	}
	return m.Sign(raw.Bytes())
}

// letter gives one that was written a moment ago, or writes it.
func (m *Mailer) letter(ctx context.Context, msg notify.Message) ([]byte, error) {
	of := content{msg.Notice.ID, msg.Language, msg.Subject, msg.Text, msg.Link}
	m.letters.mu.Lock()
	defer m.letters.mu.Unlock()
	if l, ok := m.letters.made[of]; ok && msg.Now.Sub(l.at).Abs() < freshFor {
		return l.raw, nil
	}
	raw, err := m.write(ctx, msg)
	if err != nil {
		return nil, err
	}
	if m.letters.made == nil || len(m.letters.made) >= mostLetters {
		m.letters.made = map[content]letter{}
	}
	m.letters.made[of] = letter{raw, msg.Now}
	return raw, nil
}

// write writes a letter. All mail about one maintenance refers to the same id, so that it stays together.
func (m *Mailer) write(ctx context.Context, msg notify.Message) ([]byte, error) {
	out := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithEncoding(gomail.EncodingQP))
	if err := out.From(m.From); err != nil {
		return nil, err
	}
	host := m.host()
	out.Subject(msg.Subject)
	thread := "<" + string(msg.Notice.Subject.Kind()) + "." + msg.Notice.Subject.Name() + "@" + host + ">"
	for name, value := range map[string]string{
		"In-Reply-To": thread, "References": thread, "Auto-Submitted": "auto-generated", "Precedence": "bulk",
		"Content-Language": msg.Language, "List-Id": "<maintenance." + host + ">",
	} {
		out.SetGenHeaderPreformatted(gomail.Header(name), value)
	}
	out.SetBodyString(gomail.TypeTextPlain, msg.Text+"\n\n"+msg.Label+":\n"+msg.Link+"\n")
	html, err := markup(msg)
	if err != nil {
		return nil, err
	}
	out.AddAlternativeString(gomail.TypeTextHTML, html)
	if m.Calendar != nil && !msg.Notice.Asked() {
		ics, err := m.Calendar(ctx, msg.Notice)
		if err != nil {
			return nil, err
		}
		if err := out.AttachReader("maintenance.ics", bytes.NewReader(ics), gomail.WithFileContentType("text/calendar; charset=utf-8")); err != nil {
			return nil, err
		}
	}
	var raw bytes.Buffer
	if _, err := out.WriteTo(&raw); err != nil {
		return nil, err
	}
	return without(raw.Bytes(), "Message-ID", "Date"), nil
}

// without leaves headers out that stand on one line. The library writes them whether they are asked for or not.
func without(raw []byte, names ...string) []byte {
	head, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	var out bytes.Buffer
	for line := range bytes.Lines(append(head, "\r\n"...)) {
		if name, _, found := bytes.Cut(line, []byte(":")); found && slices.Contains(names, string(name)) {
			continue
		}
		out.Write(line)
	}
	out.WriteString("\r\n")
	out.Write(body)
	return out.Bytes()
}

// host is the domain that mail comes from: ids are made under it.
func (m *Mailer) host() string {
	if a, err := mail.ParseAddress(m.From); err == nil {
		if _, domain, found := strings.Cut(a.Address, "@"); found {
			return strings.ToLower(domain)
		}
	}
	return "localhost"
}

// markup is the same text for programs that show HTML.
func markup(msg notify.Message) (string, error) {
	var paragraphs [][]string
	for _, p := range strings.Split(msg.Text, "\n\n") {
		paragraphs = append(paragraphs, strings.Split(p, "\n"))
	}
	var b strings.Builder
	err := layout.Execute(&b, struct {
		notify.Message
		Paragraphs [][]string
	}{msg, paragraphs})
	return b.String(), err
}
