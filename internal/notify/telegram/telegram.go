// Package telegram tells a chat of Telegram by a bot (Bot API, sendMessage).
//
// It must not know who reads there. Telegram cannot tell a message that comes again.
package telegram

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/notify/post"
)

// Server is Telegram's own.
const Server = "https://api.telegram.org"

// Channel is a chat that a bot may write in.
type Channel struct {
	Client *http.Client
	Server string // without a slash at its end
	Token  string // of the bot
	Chat   string // a number, or the name of a public channel: "@example"
}

var _ notify.Channel = (*Channel)(nil)

// Telegram's limit, and shares of it, in UTF-16 code units.
const (
	most        = 4096
	mostSubject = 256
	mostLabel   = 256
)

// Knows implements notify.Channel.
func (*Channel) Knows() bool { return false }

// Send implements notify.Channel. The token is a part of the address.
func (c *Channel) Send(ctx context.Context, m notify.Message) error {
	body, err := Body(m, c.Chat)
	if err != nil {
		return err
	}
	return post.JSON(ctx, c.Client, c.Server+"/bot"+c.Token+"/sendMessage", nil, body)
}

// entity marks a part of a text. Telegram counts in UTF-16 code units.
type entity struct {
	Type   string `json:"type"`
	Offset int    `json:"offset"`
	Length int    `json:"length"`
	URL    string `json:"url,omitempty"`
}

type preview struct {
	Disabled bool `json:"is_disabled"`
}

// Body is what Telegram gets. The text is sent as it is and what is bold in it is said beside it: there is
// no markup that what people write could break.
func Body(m notify.Message, chat string) ([]byte, error) {
	subject, label := cut(plain(m.Subject), mostSubject), cut(plain(m.Label), mostLabel)
	text := cut(plain(m.Text), most-units(subject)-units(label)-4)
	all := subject + "\n\n" + text + "\n\n" + label
	entities := []entity{{Type: "bold", Length: units(subject)}}
	if m.Link != "" {
		entities = append(entities, entity{Type: "text_link", Offset: units(all) - units(label), Length: units(label), URL: m.Link})
	}
	return json.Marshal(struct {
		Chat     string   `json:"chat_id"`
		Text     string   `json:"text"`
		Entities []entity `json:"entities"`
		Preview  preview  `json:"link_preview_options"`
	}{chat, all, entities, preview{true}})
}

func units(s string) int { return len(utf16.Encode([]rune(s))) }

// cut shortens a text to so many code units, and shows that it did.
func cut(s string, most int) string {
	if units(s) <= most {
		return s
	}
	used := 0
	for i, r := range s {
		if used += utf16.RuneLen(r); used > most-1 {
			return s[:i] + "…"
		}
	}
	return s
}

// plain keeps Telegram from making a mention of @name: it is one where no letter stands before it. Blanks
// around a text are cut off by Telegram, which would move what is bold.
func plain(s string) string {
	s = strings.TrimSpace(strings.ToValidUTF8(s, ""))
	var b strings.Builder
	before := ' '
	for _, r := range s {
		b.WriteRune(r)
		if r == '@' && !unicode.IsLetter(before) && !unicode.IsDigit(before) {
			b.WriteRune('\u200b')
		}
		before = r
	}
	return b.String()
}
