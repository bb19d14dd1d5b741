// Package intercom tells the users of a product in its Messenger, one message each, and keeps items of its News in line
// with the change log.
//
// Intercom has no message to everybody by its API: each contact is a recipient of Lull's own queue, which is why
// a sender that was killed goes on where it was. It must not know when anybody is told, or of what.
package intercom

import (
	"context"
	"errors"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/notify/post"
)

// Server is Intercom's own. Those of other regions are https://api.eu.intercom.io and https://api.au.intercom.io.
const Server = "https://api.intercom.io"

// version is the one that this package is written for.
const version = "2.14"

// API is how Intercom is asked. The same one is to be used for all that has one token: it keeps the limit.
type API struct {
	Client *http.Client
	Server string // without a slash at its end
	Token  string
	Now    func() time.Time

	limit limit
}

func (a *API) ask(ctx context.Context, method, path string, in, out any) error {
	if err := a.limit.wait(ctx, a.Now); err != nil {
		return err // it was not asked
	}
	header := http.Header{"Authorization": {"Bearer " + a.Token}, "Intercom-Version": {version}, "Accept": {"application/json"}}
	answer, err := post.Ask(ctx, a.Client, method, a.Server+path, header, in, out)
	a.limit.done(answer, a.Now())
	return err
}

// Messages are in-app messages to contacts.
type Messages struct {
	API    *API
	Admin  int64         // in whose name they are written
	Active time.Duration // a contact that was not seen for longer is told nothing
}

var (
	_ notify.Wide     = (*Messages)(nil)
	_ notify.Gatherer = (*Messages)(nil)
	_ notify.Asker    = (*Messages)(nil)
)

// Lanes implements notify.Wide.
func (*Messages) Lanes() int { return 16 }

// Knows implements notify.Channel: there is no key by which it would know. Came asks instead.
func (*Messages) Knows() bool { return false }

type who struct {
	Type string `json:"type"`
	ID   any    `json:"id"`
}

type inapp struct {
	Type string `json:"message_type"`
	Body string `json:"body"`
	From who    `json:"from"`
	To   who    `json:"to"`
}

// Send implements notify.Channel. The kind is "inapp": the schema of the API says "in_app", all of its examples and
// answers do not.
func (c *Messages) Send(ctx context.Context, m notify.Message) error {
	return c.API.ask(ctx, http.MethodPost, "/messages", inapp{"inapp", Body(m), who{"admin", c.Admin}, who{"user", m.To.Recipient}}, nil)
}

// Body is a message in HTML.
func Body(m notify.Message) string {
	var b strings.Builder
	b.WriteString("<p><b>" + html.EscapeString(m.Subject) + "</b></p>")
	for p := range strings.SplitSeq(m.Text, "\n\n") {
		b.WriteString("<p>" + strings.ReplaceAll(html.EscapeString(p), "\n", "<br>") + "</p>")
	}
	b.WriteString(`<p><a href="` + html.EscapeString(m.Link) + `">` + html.EscapeString(m.Label) + "</a></p>")
	return b.String()
}

type filter struct {
	Field    string `json:"field"`
	Operator string `json:"operator"`
	Value    any    `json:"value"`
}

type paging struct {
	PerPage int    `json:"per_page"`
	After   string `json:"starting_after,omitempty"`
}

type search struct {
	Query struct {
		Operator string   `json:"operator"`
		Value    []filter `json:"value"`
	} `json:"query"`
	Paging paging `json:"pagination"`
}

const perPage = 150 // Intercom gives no more

// Members implements notify.Gatherer: users who were seen since the maintenance was announced, of one that they
// were told of, and else within Active.
func (c *Messages) Members(ctx context.Context, n notify.Notice, after string) (ids []string, next string, err error) {
	since := n.Told().Add(-c.Active)
	if n.ToTold {
		since = n.Since
	}
	var q search
	q.Query.Operator = "AND"
	q.Query.Value = []filter{{"role", "=", "user"}, {"last_seen_at", ">", since.Unix()}}
	q.Paging = paging{perPage, after}
	var page struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
		Pages struct {
			Next *struct {
				After string `json:"starting_after"`
			} `json:"next"`
		} `json:"pages"`
	}
	if err := c.API.ask(ctx, http.MethodPost, "/contacts/search", q, &page); err != nil {
		return nil, "", err
	}
	for _, x := range page.Data {
		if x.ID == "" {
			return nil, "", errors.New("a contact without an id came")
		}
		ids = append(ids, x.ID)
	}
	if page.Pages.Next != nil {
		next = page.Pages.Next.After
	}
	return ids, next, nil
}

// Came implements notify.Asker: Intercom says when a contact was last messaged, in whole seconds. A message of somebody
// else's at the same time counts as this one.
func (c *Messages) Came(ctx context.Context, m notify.Message, since time.Time) (bool, error) {
	var contact struct {
		Last int64 `json:"last_contacted_at"`
	}
	err := c.API.ask(ctx, http.MethodGet, "/contacts/"+url.PathEscape(m.To.Recipient), nil, &contact)
	return contact.Last >= since.Unix(), err
}

// News are items of Intercom's News that follow posts of the change log.
type News struct {
	API   *API
	Admin int64   // in whose name they are written
	Feeds []int64 // newsfeeds that they are assigned to
	HTML  func(markdown string) string
}

var _ notify.Channel = (*News)(nil)

type assignment struct {
	Feed      int64 `json:"newsfeed_id"`
	Published int64 `json:"published_at"`
}

type item struct {
	Title    string       `json:"title"`
	Body     string       `json:"body"`
	Sender   int64        `json:"sender_id"`
	State    string       `json:"state"`
	Labels   []string     `json:"labels"`
	Assigned []assignment `json:"newsfeed_assignments"`
}

// Knows implements notify.Channel: an item that is there is found.
func (*News) Knows() bool { return true }

// Send implements notify.Channel. An item is known by the address of the post, which its body ends with. Intercom refuses
// dates of publication in the future, so it is sent when the post is published.
func (c *News) Send(ctx context.Context, m notify.Message) error {
	mark := `<p><a href="` + html.EscapeString(m.Link) + `">`
	there, err := c.find(ctx, mark)
	if err != nil {
		return err
	}
	if m.Notice.Over {
		for _, id := range there {
			if err := c.API.ask(ctx, http.MethodDelete, "/news/news_items/"+url.PathEscape(id), nil, nil); err != nil {
				return err
			}
		}
		return nil
	}
	should := item{Title: m.Subject, Body: c.HTML(m.Text) + mark + html.EscapeString(m.Link) + "</a></p>", Sender: c.Admin, State: "live", Labels: append([]string{}, m.Notice.Labels...)}
	for _, feed := range c.Feeds {
		should.Assigned = append(should.Assigned, assignment{feed, m.Notice.At.Unix()})
	}
	if len(there) > 0 {
		return c.API.ask(ctx, http.MethodPut, "/news/news_items/"+url.PathEscape(there[0]), should, nil)
	}
	return c.API.ask(ctx, http.MethodPost, "/news/news_items", should, nil)
}

func (c *News) find(ctx context.Context, mark string) (ids []string, err error) {
	for page := 1; ; page++ {
		var list struct {
			Data []struct {
				ID   string `json:"id"`
				Body string `json:"body"`
			} `json:"data"`
			Pages struct {
				Total int `json:"total_pages"`
			} `json:"pages"`
		}
		if err := c.API.ask(ctx, http.MethodGet, "/news/news_items?per_page=50&page="+strconv.Itoa(page), nil, &list); err != nil {
			return nil, err
		}
		for _, x := range list.Data {
			if strings.Contains(x.Body, mark) {
				ids = append(ids, x.ID)
			}
		}
		if page >= list.Pages.Total || len(list.Data) == 0 {
			return ids, nil
		}
	}
}
