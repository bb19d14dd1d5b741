// Package discord tells a channel of Discord by a webhook.
//
// It must not know who reads there. Discord cannot tell a message that comes again.
package discord

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/notify/post"
)

// Channel is a webhook. Its address is a secret.
type Channel struct {
	Client *http.Client
	URL    string
}

var _ notify.Channel = (*Channel)(nil)

// Discord's limits, in characters.
const (
	mostTitle = 256
	mostText  = 4096
)

type embed struct {
	Title       string `json:"title"`
	URL         string `json:"url"`
	Description string `json:"description"`
}

type mentions struct {
	Parse []string `json:"parse"`
}

// Knows implements notify.Channel.
func (*Channel) Knows() bool { return false }

// Send implements notify.Channel. With wait=true Discord answers once the message is there.
func (c *Channel) Send(ctx context.Context, m notify.Message) error {
	body, err := Body(m)
	if err != nil {
		return err
	}
	u, err := url.Parse(c.URL)
	if err != nil {
		return notify.Refuse("the address is not one that can be asked")
	}
	q := u.Query()
	q.Set("wait", "true")
	u.RawQuery = q.Encode()
	return post.JSON(ctx, c.Client, u.String(), nil, body)
}

// Body is what Discord gets. Nobody is mentioned by it, whatever people write. Making a text plain makes two characters of one at most.
func Body(m notify.Message) ([]byte, error) {
	start, _, err := m.Notice.Window.Resolve()
	if err != nil {
		return nil, err
	}
	yours := fmt.Sprintf("\n\n<t:%d:F>", start.Unix()) // readers see it at their own time of day
	return json.Marshal(struct {
		Embeds  []embed  `json:"embeds"`
		Allowed mentions `json:"allowed_mentions"`
	}{
		Embeds:  []embed{{Title: post.Cut(m.Subject, mostTitle), URL: m.Link, Description: post.PlainMarkdown(post.Cut(m.Text, (mostText-len(yours))/2)) + yours}},
		Allowed: mentions{Parse: []string{}},
	})
}
