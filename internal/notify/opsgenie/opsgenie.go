// Package opsgenie keeps a maintenance of Opsgenie in line with ours: planned when it is announced, moved with it,
// longer when it is late, and cancelled when it is over.
//
// It must not know when that is to be done. What is there is found again by the address of our page at the end of its description, so
// that doing it twice makes one.
package opsgenie

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/notify/post"
)

// Server is Opsgenie's own. That of its European region is https://api.eu.opsgenie.com.
const Server = "https://api.opsgenie.com"

// Maintenances are those of an account.
type Maintenances struct {
	Client       *http.Client
	Server       string   // without a slash at its end
	Key          string   // of an API integration that may write and is restricted to no team
	Integrations []string // that are switched off meanwhile
	Policies     []string // that are switched on meanwhile
}

var _ notify.Channel = (*Maintenances)(nil)

type span struct {
	Type  string    `json:"type"`
	Start time.Time `json:"startDate,omitzero"`
	End   time.Time `json:"endDate,omitzero"`
}

type entity struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

type rule struct {
	State  string `json:"state"`
	Entity entity `json:"entity"`
}

type maintenance struct {
	ID          string `json:"id,omitempty"`
	Status      string `json:"status,omitempty"`
	Description string `json:"description"`
	Time        span   `json:"time"`
	Rules       []rule `json:"rules,omitempty"`
}

// Knows implements notify.Channel: what is there is found.
func (*Maintenances) Knows() bool { return true }

// Send implements notify.Channel. It makes the one maintenance what it should be, and cancels others of the same mark.
func (c *Maintenances) Send(ctx context.Context, m notify.Message) error {
	start, end, err := m.Notice.Span()
	if err != nil {
		return err
	}
	there, err := c.find(ctx, mark(m))
	if err != nil {
		return err
	}
	should := maintenance{Description: m.Subject + mark(m), Time: span{"schedule", start.UTC(), end.UTC()}, Rules: c.rules()}
	keep := !m.Notice.Over && end.After(m.Now)
	for i, x := range there {
		if keep && i == 0 {
			err = c.move(ctx, x, should)
		} else {
			err = c.ask(ctx, http.MethodPost, "/"+url.PathEscape(x.ID)+"/cancel", nil, nil)
		}
		if err != nil {
			return err
		}
	}
	if !keep || len(there) > 0 {
		return nil
	}
	return c.ask(ctx, http.MethodPost, "", should, nil)
}

func (c *Maintenances) rules() (out []rule) {
	for _, id := range c.Integrations {
		out = append(out, rule{"disabled", entity{id, "integration"}})
	}
	for _, id := range c.Policies {
		out = append(out, rule{"enabled", entity{id, "policy"}})
	}
	return out
}

// move changes one. One that has begun keeps its start. The list does not say which rules it has, so it is not
// compared with what it should be.
func (c *Maintenances) move(ctx context.Context, is, should maintenance) error {
	if is.Status == "active" && !is.Time.Start.IsZero() {
		should.Time.Start = is.Time.Start
	}
	return c.ask(ctx, http.MethodPut, "/"+url.PathEscape(is.ID), should, nil)
}

// mark is what we know ours by: no other page, and no other maintenance of it, has that address.
func mark(m notify.Message) string { return " " + m.Link }

// find gives those with a mark that are active or planned.
func (c *Maintenances) find(ctx context.Context, mark string) (out []maintenance, err error) {
	var list struct {
		Data []maintenance `json:"data"`
	}
	if err := c.ask(ctx, http.MethodGet, "?type=non-expired", nil, &list); err != nil {
		return nil, err
	}
	for _, x := range list.Data {
		if strings.HasSuffix(x.Description, mark) && (x.Status == "active" || x.Status == "planned") {
			out = append(out, x)
		}
	}
	return out, nil
}

func (c *Maintenances) ask(ctx context.Context, method, path string, in, out any) error {
	_, err := post.Ask(ctx, c.Client, method, c.Server+"/v1/maintenance"+path, http.Header{"Authorization": {"GenieKey " + c.Key}}, in, out)
	return err
}
