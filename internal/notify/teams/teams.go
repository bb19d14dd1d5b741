// Package teams tells a channel of Microsoft Teams by a workflow that takes an adaptive card.
//
// It must not know who reads there. Teams cannot tell a message that comes again.
package teams

import (
	"context"
	"net/http"

	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/notify/post"
)

// Channel is the address of a workflow, which is a secret.
type Channel struct {
	Client *http.Client
	URL    string
}

var _ notify.Channel = (*Channel)(nil)

// Characters. A message may have 28 KB, and a character has six bytes at most as it is written.
const (
	mostTitle = 300
	mostText  = 4000
)

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

type object = map[string]any

// Body is a message with one adaptive card. Version 1.4 is the newest that every client of Teams takes.
func Body(m notify.Message) ([]byte, error) {
	card := object{
		"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4", "lang": m.Language,
		"body": []object{
			{"type": "TextBlock", "size": "Large", "weight": "Bolder", "wrap": true, "text": post.PlainMarkdown(post.Cut(m.Subject, mostTitle))},
			{"type": "TextBlock", "wrap": true, "text": post.PlainMarkdown(post.Cut(m.Text, mostText))},
		},
		"actions": []object{{"type": "Action.OpenUrl", "title": m.Label, "url": m.Link}},
		"msteams": object{"width": "Full"},
	}
	return post.Brief(object{
		"type":        "message",
		"attachments": []object{{"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": nil, "content": card}},
	})
}
