// Package webhook tells a program elsewhere by a POST, signed as Standard Webhooks has it (standardwebhooks.com).
//
// It must not know who signs up, or what the page looks like: a body of another shape is made by whoever wants it.
package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/notify/post"
)

// Hook is an address that wants to be told.
type Hook struct {
	Client *http.Client
	URL    string
	Key    Key // nil = nothing is signed
	// Body makes another body than Lull's own; nil = that one.
	Body func(ctx context.Context, m notify.Message) ([]byte, error)
}

var _ notify.Channel = (*Hook)(nil)

// Knows implements notify.Channel: the header webhook-id is the same at each attempt.
func (*Hook) Knows() bool { return true }

// Send implements notify.Channel.
func (h *Hook) Send(ctx context.Context, m notify.Message) error {
	encode := Body
	if h.Body != nil {
		encode = h.Body
	}
	body, err := encode(ctx, m)
	if err != nil {
		return fmt.Errorf("make the body: %w", err)
	}
	return post.JSON(ctx, h.Client, h.URL, h.Key.headers("msg_"+m.Key, m.Now, body), body)
}

// Key signs. It prints as nothing.
type Key []byte

// String hides the key.
func (Key) String() string { return "***" }

// GoString hides the key.
func (Key) GoString() string { return "***" }

const (
	secretPrefix = "whsec_"
	shortest     = 24 // bytes, as Standard Webhooks asks for
	longest      = 64
)

// ParseKey reads a secret: whsec_ and base64 behind it.
func ParseKey(secret string) (Key, error) {
	encoded, found := strings.CutPrefix(secret, secretPrefix)
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !found || err != nil || len(key) < shortest || len(key) > longest {
		return nil, fmt.Errorf("the secret is not whsec_ with %d to %d bytes in base64 behind it", shortest, longest)
	}
	return key, nil
}

func (k Key) headers(id string, now time.Time, body []byte) http.Header {
	at := strconv.FormatInt(now.Unix(), 10)
	h := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {at}}
	if k != nil {
		mac := hmac.New(sha256.New, k)
		fmt.Fprintf(mac, "%s.%s.%s", id, at, body)
		h.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return h
}

// told is Lull's own body. It is the same at each attempt.
type told struct {
	Type      string    `json:"type"` // maintenance.ahead
	Timestamp time.Time `json:"timestamp"`
	Data      data      `json:"data"`
}

type data struct {
	Maintenance string      `json:"maintenance"`
	Notice      string      `json:"notice"` // its id
	Moment      string      `json:"moment"` // as the plan writes it: "7d"
	Title       string      `json:"title"`
	Summary     string      `json:"summary"`
	Text        string      `json:"text,omitempty"`
	URL         string      `json:"url"`
	Starts      time.Time   `json:"starts_at,omitzero"`
	Ends        time.Time   `json:"ends_at,omitzero"`
	Zone        string      `json:"zone"`
	Expected    *time.Time  `json:"expected_end,omitempty"`
	Components  []component `json:"components"`
	Subject     string      `json:"subject"` // the notice in words
	Message     string      `json:"message"`
	Language    string      `json:"language"`
}

type component struct {
	ID     string       `json:"id"`
	Name   string       `json:"name"`
	Impact maint.Impact `json:"impact"`
}

// Body makes Lull's own body.
func Body(_ context.Context, m notify.Message) ([]byte, error) {
	n := m.Notice
	if n.Asked() {
		return asked(m)
	}
	start, end, err := n.Window.Resolve()
	if err != nil {
		return nil, err
	}
	d := data{
		Maintenance: string(n.Subject), Notice: n.ID, Moment: n.Word, Title: n.Title, Summary: n.Summary, Text: n.Text, URL: m.Link,
		Starts: start.UTC(), Ends: end.UTC(), Zone: n.Window.Zone, Subject: m.Subject, Message: m.Text, Language: m.Language,
	}
	if !n.Expected.IsZero() {
		d.Expected = &n.Expected
	}
	d.Components = components(n)
	return json.Marshal(told{Type: "maintenance." + string(n.Kind), Timestamp: n.At.UTC(), Data: d})
}

func components(n notify.Notice) []component {
	out := []component{}
	for _, id := range slices.Sorted(maps.Keys(n.Components)) {
		name := n.Names[id]
		if name == "" {
			name = id
		}
		out = append(out, component{id, name, n.Components[id]})
	}
	return out
}

// news is the data of what subscribers alone get: incident.opened, updated, resolved and postmortem, digest.weekly, and
// confirm.link, whose url is the page that confirms.
type news struct {
	About      string      `json:"about,omitempty"` // the name of the incident
	Notice     string      `json:"notice"`
	Title      string      `json:"title,omitempty"`
	Status     string      `json:"status,omitempty"`
	Text       string      `json:"text,omitempty"` // Markdown
	URL        string      `json:"url"`
	Components []component `json:"components"`
	Subject    string      `json:"subject"` // the notice in words
	Message    string      `json:"message"`
	Language   string      `json:"language"`
}

func asked(m notify.Message) ([]byte, error) {
	n := m.Notice
	d := news{Notice: n.ID, Title: n.Title, Status: n.Summary, Text: n.Text, URL: m.Link, Components: components(n), Subject: m.Subject, Message: m.Text, Language: m.Language}
	if n.Kind == notify.Incident {
		d.About = n.Subject.Name()
	}
	return json.Marshal(struct {
		Type      string    `json:"type"`
		Timestamp time.Time `json:"timestamp"`
		Data      news      `json:"data"`
	}{string(n.Kind) + "." + n.Word, n.At.UTC(), d})
}
