package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/lullhq/lull/internal/auth"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/say"
)

type postChange struct {
	Terms
	ChangePath
	Body struct {
		Title       string    `json:"title" maxLength:"200" pattern:"^[^\\x00-\\x1f]+$" doc:"One line that a customer understands"`
		Text        string    `json:"text" maxLength:"100000" doc:"Markdown"`
		Labels      []string  `json:"labels,omitempty" maxItems:"10" nullable:"false" doc:"What it is about"`
		Maintenance string    `json:"maintenance,omitempty" maxLength:"64" doc:"The maintenance that brought it"`
		Date        time.Time `json:"date,omitzero" doc:"When it is published, where that is to come; or when it was new"`
		Draft       bool      `json:"draft,omitempty" doc:"Keep it back until somebody publishes it"`
	}
}

type withdrawChange struct {
	Terms
	ChangePath
}

// ChangePath is the part of an address that names a post.
type ChangePath struct {
	Name string `path:"name" maxLength:"64" doc:"The post's name: short, for its address"`
}

type oneChange struct {
	ETag string `header:"ETag"`
	Body Change
}

type allChanges struct {
	Body struct {
		Changes []Change `json:"changes" nullable:"false" doc:"Newest first"`
	}
}

func (a *API) changes() {
	register(a, operation{method: http.MethodGet, path: "/changes", id: "list-changes", scope: auth.Read, tag: "changes",
		summary: "List the posts of the change log", description: "Those that are on the page."}, a.listChanges)
	register(a, operation{method: http.MethodGet, path: "/changes/{name}", id: "get-change", scope: auth.Read, tag: "changes",
		summary: "Read a post", description: "As it is on the page."}, a.getChange)
	register(a, operation{method: http.MethodPut, path: "/changes/{name}", id: "post-change", scope: auth.Changes, tag: "changes",
		summary: "Publish a post", description: "Or publish it anew with other words. As `lull change add`."}, a.postChange)
	register(a, operation{method: http.MethodDelete, path: "/changes/{name}", id: "withdraw-change", scope: auth.Changes, tag: "changes", status: http.StatusOK,
		summary: "Withdraw a post", description: "It goes off the page; the record keeps it. As `lull change withdraw`."}, a.withdrawChange)
}

func (a *API) listChanges(ctx context.Context, _ *struct{}) (*allChanges, error) {
	page, err := a.opts.Record.Page(ctx)
	if err != nil {
		return nil, err
	}
	out := &allChanges{}
	out.Body.Changes = each(a, page.Changes, (*API).change)
	return out, nil
}

func (a *API) getChange(ctx context.Context, in *ChangePath) (*oneChange, error) {
	page, err := a.opts.Record.Page(ctx)
	if err != nil {
		return nil, err
	}
	found, ok := page.FindChange(in.Name)
	if !ok {
		return nil, fmt.Errorf("post %q: %w", in.Name, maint.ErrUnknownChange)
	}
	version, err := a.opts.Record.Version(ctx, found.ID)
	return &oneChange{ETag: etag(version), Body: a.change(found)}, err
}

func (a *API) postChange(ctx context.Context, in *postChange) (*said, error) {
	b := in.Body
	t, err := in.on(ctx, "post-change", b)
	if err != nil {
		return nil, err
	}
	s, err := a.opts.Changes.PostChange(ctx, say.Change{Terms: t, Name: in.Name, Title: b.Title, Text: b.Text, Labels: b.Labels, Maintenance: b.Maintenance, Date: b.Date, Draft: b.Draft})
	return a.answer(ctx, maint.ChangeID(in.Name), s, err)
}

func (a *API) withdrawChange(ctx context.Context, in *withdrawChange) (*said, error) {
	t, err := in.on(ctx, "withdraw-change", nil)
	if err != nil {
		return nil, err
	}
	s, err := a.opts.Changes.WithdrawChange(ctx, say.Change{Terms: t, Name: in.Name})
	return a.answer(ctx, maint.ChangeID(in.Name), s, err)
}
