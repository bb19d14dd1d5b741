// Package slack tells a channel of Slack by an incoming webhook.
//
// It must not know who reads there. Slack cannot tell a message that comes again.
package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/notify/post"
)

// Channel is an incoming webhook. Its address is a secret.
type Channel struct {
	Client *http.Client
	URL    string
}

var _ notify.Channel = (*Channel)(nil)

// Slack's limits, in characters.
const (
	mostHeader  = 150
	mostSection = 3000
)

type text struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

type block struct {
	Type string `json:"type"`
	Text text   `json:"text"`
}

// Knows implements notify.Channel.
func (*Channel) Knows() bool { return false }

// Send implements notify.Channel.
func (c *Channel) Send(ctx context.Context, m notify.Message) error {
	body, err := Body(m)
	if err != nil {
		return err
	}
	return post.JSON(ctx, c.Client, c.URL, nil, body)
}

// Body is what Slack gets. Whoever cannot show blocks shows its text.
func Body(m notify.Message) ([]byte, error) {
	yours := ""
	if !m.Notice.Asked() {
		start, _, err := m.Notice.Window.Resolve()
		if err != nil {
			return nil, err
		}
		// Readers see the start at their own time of day.
		yours = fmt.Sprintf("<!date^%d^{date_long} {time}|%s>\n", start.Unix(), start.UTC().Format("2006-01-02 15:04 UTC"))
	}
	return json.Marshal(struct {
		Text   string  `json:"text"`
		Blocks []block `json:"blocks"`
		Unfurl bool    `json:"unfurl_links"`
	}{
		Text: escape(m.Subject),
		Blocks: []block{
			{"header", text{"plain_text", post.Cut(m.Subject, mostHeader)}},
			{"section", text{"mrkdwn", section(m.Text)}},
			{"section", text{"mrkdwn", yours + "<" + m.Link + "|" + escape(m.Label) + ">"}},
		},
	})
}

// section is a text as a section may have it. Escaping makes five characters of one at most.
func section(s string) string {
	if out := escape(s); post.Length(out) <= mostSection {
		return out
	}
	return escape(post.Cut(s, mostSection/5))
}

// escape keeps what people write from calling everybody: <!channel> is a command there.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
