// Package ntfy tells those who follow a topic of ntfy, on a telephone or elsewhere.
//
// It must not know who follows. ntfy cannot tell a message that comes again.
package ntfy

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/notify/post"
)

// Channel is a topic: https://ntfy.sh/example.
type Channel struct {
	Client *http.Client
	URL    string
	Token  string // "" = anybody may publish there
}

var _ notify.Channel = (*Channel)(nil)

const mostText = 1000 // characters; beyond 4096 bytes ntfy makes a file of it

// Knows implements notify.Channel.
func (*Channel) Knows() bool { return false }

// Send implements notify.Channel. A message as JSON goes to the server, not to the topic's address.
func (c *Channel) Send(ctx context.Context, m notify.Message) error {
	u, err := url.Parse(c.URL)
	if err != nil {
		return notify.Refuse("the address is not one that can be asked")
	}
	path := strings.TrimSuffix(u.Path, "/")
	at := strings.LastIndexByte(path, '/')
	if at < 0 || path[at+1:] == "" {
		return notify.Refuse("the address names no topic")
	}
	body, err := Body(m, path[at+1:])
	if err != nil {
		return err
	}
	u.Path = path[:at+1]
	header := http.Header{}
	if c.Token != "" {
		header.Set("Authorization", "Bearer "+c.Token)
	}
	return post.JSON(ctx, c.Client, u.String(), header, body)
}

// Body is what ntfy gets.
func Body(m notify.Message, topic string) ([]byte, error) {
	return json.Marshal(struct {
		Topic   string   `json:"topic"`
		Title   string   `json:"title"`
		Message string   `json:"message"`
		Click   string   `json:"click"`
		Tags    []string `json:"tags"`
	}{topic, m.Subject, post.Cut(m.Text, mostText), m.Link, []string{"wrench"}})
}
