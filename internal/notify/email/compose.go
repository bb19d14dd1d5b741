package email

import (
	"bytes"
	"context"
	_ "embed"
	"html/template"
	"net/mail"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/lullhq/lull/internal/notify"
)

//go:embed mail.html
var page string

var layout = template.Must(template.New("mail").Parse(page))

// compose writes a message. All mail about one maintenance refers to the same id, so that it stays together.
func (m *Mailer) compose(ctx context.Context, msg notify.Message) ([]byte, error) {
	out := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithEncoding(gomail.EncodingQP))
	if err := out.From(m.From); err != nil {
		return nil, err
	}
	if err := out.To(msg.To.Recipient); err != nil {
		return nil, err
	}
	host := m.host()
	out.Subject(msg.Subject)
	out.SetMessageIDWithValue(msg.Key + "@" + host)
	out.SetDateWithValue(msg.Now)
	thread := "<" + string(msg.Notice.Subject.Kind()) + "." + msg.Notice.Subject.Name() + "@" + host + ">"
	for name, value := range map[string]string{
		"In-Reply-To": thread, "References": thread, "Auto-Submitted": "auto-generated", "Precedence": "bulk",
		"Content-Language": msg.Language, "List-Id": "<maintenance." + host + ">",
	} {
		out.SetGenHeaderPreformatted(gomail.Header(name), value)
	}
	if leave := m.leave(msg); leave != "" {
		out.SetGenHeaderPreformatted(gomail.HeaderListUnsubscribe, "<"+leave+">")
		out.SetGenHeaderPreformatted(gomail.HeaderListUnsubscribePost, "List-Unsubscribe=One-Click")
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
	if m.Sign == nil {
		return raw.Bytes(), nil
	}
	return m.Sign(raw.Bytes())
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
