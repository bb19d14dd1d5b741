// Package pagerduty keeps a maintenance window of PagerDuty in line with a maintenance: opened when it is announced,
// moved with it, longer when it is late, and closed when it is over.
//
// It must not know when that is to be done. A window is found again by the address of our page at the end of its description, so
// that doing it twice makes one window.
package pagerduty

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/notify/post"
)

// Server is PagerDuty's own. That of its European region is https://api.eu.pagerduty.com.
const Server = "https://api.pagerduty.com"

// Windows are the maintenance windows of an account.
type Windows struct {
	Client   *http.Client
	Server   string // without a slash at its end
	Token    string // of the REST API, with which one may write
	From     string // the login address of a user, in whose name windows are opened
	Services []string
}

var _ notify.Channel = (*Windows)(nil)

const perPage = 100 // PagerDuty gives no more

type reference struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

type window struct {
	ID          string      `json:"id,omitempty"`
	Type        string      `json:"type"`
	Start       time.Time   `json:"start_time"`
	End         time.Time   `json:"end_time"`
	Description string      `json:"description"`
	Services    []reference `json:"services"`
}

type one struct {
	Window window `json:"maintenance_window"`
}

// Knows implements notify.Channel: a window that is there is found.
func (*Windows) Knows() bool { return true }

// Send implements notify.Channel. It makes the one window what it should be, and ends others of the same mark.
func (w *Windows) Send(ctx context.Context, m notify.Message) error {
	start, end, err := m.Notice.Span()
	if err != nil {
		return err
	}
	there, err := w.find(ctx, mark(m))
	if err != nil {
		return err
	}
	keep := !m.Notice.Over && end.After(m.Now) // one that ends in the past is refused there
	for i, x := range there {
		if keep && i == 0 {
			err = w.move(ctx, x, w.window(m, start, end), m.Now)
		} else {
			err = w.ask(ctx, http.MethodDelete, "/"+url.PathEscape(x.ID), nil, nil)
		}
		if err != nil {
			return err
		}
	}
	if !keep || len(there) > 0 {
		return nil
	}
	return w.ask(ctx, http.MethodPost, "", one{w.window(m, start, end)}, nil)
}

func (w *Windows) window(m notify.Message, start, end time.Time) window {
	out := window{Type: "maintenance_window", Start: start.UTC(), End: end.UTC(), Description: m.Subject + mark(m)}
	for _, id := range w.Services {
		out.Services = append(out.Services, reference{id, "service_reference"})
	}
	return out
}

// move asks for nothing when the window is as it should be. One that has begun keeps its start.
func (w *Windows) move(ctx context.Context, is, should window, now time.Time) error {
	if !is.Start.After(now) {
		should.Start = is.Start
	}
	same := is.Start.Equal(should.Start) && is.End.Equal(should.End) && is.Description == should.Description
	if same && slices.EqualFunc(is.Services, should.Services, func(a, b reference) bool { return a.ID == b.ID }) {
		return nil
	}
	return w.ask(ctx, http.MethodPut, "/"+url.PathEscape(is.ID), one{should}, nil)
}

// mark is what we know ours by: no other page, and no other maintenance of it, has that address.
func mark(m notify.Message) string { return " " + m.Link }

// find gives the windows with a mark that are open, or will be.
func (w *Windows) find(ctx context.Context, mark string) (out []window, err error) {
	for offset := 0; ; offset += perPage {
		var page struct {
			Windows []window `json:"maintenance_windows"`
			More    bool     `json:"more"`
		}
		q := url.Values{"filter": {"open"}, "limit": {strconv.Itoa(perPage)}, "offset": {strconv.Itoa(offset)}}
		if err := w.ask(ctx, http.MethodGet, "?"+q.Encode(), nil, &page); err != nil {
			return nil, err
		}
		for _, x := range page.Windows {
			if strings.HasSuffix(x.Description, mark) {
				out = append(out, x)
			}
		}
		if !page.More || len(page.Windows) == 0 {
			return out, nil
		}
	}
}

func (w *Windows) ask(ctx context.Context, method, path string, in, out any) error {
	header := http.Header{"Authorization": {"Token token=" + w.Token}, "Accept": {"application/vnd.pagerduty+json;version=2"}, "From": {w.From}}
	_, err := post.Ask(ctx, w.Client, method, w.Server+"/maintenance_windows"+path, header, in, out)
	return err
}
