package api

import (
	"context"
	"net/http"
	"time"

	"github.com/lullhq/lull/internal/auth"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
	"github.com/lullhq/lull/internal/view"
)

type theStatus struct {
	Body struct {
		Headline     string        `json:"headline" doc:"The state of everything in one sentence"`
		Tone         string        `json:"tone" doc:"How the page colours it"`
		Maintenances []Maintenance `json:"maintenances" nullable:"false" doc:"Under way and upcoming"`
		Incidents    []Incident    `json:"incidents" nullable:"false" doc:"Those that are open"`
		Components   []Component   `json:"components" nullable:"false"`
		Seq          int64         `json:"seq" doc:"The last public entry of the record that is in it"`
	}
}

// Paging is how the record is read piece by piece.
type Paging struct {
	After int64 `query:"after" minimum:"0" doc:"The seq, or the next, of the answer before"`
	Limit int   `query:"limit" minimum:"1" maximum:"500" default:"100" doc:"How many entries are looked at"`
}

type readRecord struct {
	Paging
	Subject string `query:"subject" maxLength:"80" doc:"Only what is about this: a maintenance's name, incident/NAME, component/ID, change/NAME"`
}

// Entry is one line of the record.
type Entry struct {
	Seq     int64     `json:"seq"`
	Subject string    `json:"subject" doc:"A maintenance's name, incident/NAME, component/ID, change/NAME"`
	Version int64     `json:"version,omitempty" doc:"Its place within the subject; only in the operator's record"`
	At      time.Time `json:"at"`
	Kind    string    `json:"kind" example:"step_finished"`
	Event   any       `json:"event" doc:"What it says; its keys depend on the kind, and more may come"`
}

type entries struct {
	Body struct {
		Entries []Entry `json:"entries" nullable:"false" doc:"In the order in which they were recorded"`
		Next    int64   `json:"next" doc:"Where to go on. The same as after when there is no more"`
	}
}

type readReport struct {
	MaintenancePath
	Public bool `query:"public" doc:"Leave out the notes that are for yourselves"`
}

type markdown struct {
	ContentType string `header:"Content-Type"`
	Body        []byte `contentType:"text/markdown"`
}

func (a *API) status() {
	register(a, operation{method: http.MethodGet, path: "/status", id: "get-status", scope: auth.Read, tag: "status",
		summary: "Read the state of everything", description: "As the first page shows it."}, a.readStatus)
}

func (a *API) record() {
	register(a, operation{method: http.MethodGet, path: "/timeline", id: "read-timeline", scope: auth.Read, tag: "record",
		summary: "Read what was said to the public", description: "Piece by piece, oldest first. A piece may be empty and not the last: go on while next grows."}, a.readTimeline)
	register(a, operation{method: http.MethodGet, path: "/record", id: "read-record", scope: auth.ReadPrivate, tag: "record",
		summary: "Read the whole record", description: "Steps, errors and evidence as well. As `lull watch`."}, a.readRecord)
	register(a, operation{method: http.MethodGet, path: "/maintenances/{id}/report", id: "read-report", scope: auth.ReadPrivate, tag: "record",
		summary: "Read the post-mortem", description: "Markdown with front matter, written from the record. As `lull report`."}, a.readReport)
}

func (a *API) readStatus(ctx context.Context, _ *struct{}) (*theStatus, error) {
	page, err := a.opts.Record.Page(ctx)
	if err != nil {
		return nil, err
	}
	out := &theStatus{}
	b := &out.Body
	b.Headline, b.Tone, b.Seq = page.Overall.Headline, string(page.Overall.Tone), page.Seq
	b.Maintenances = each(a, append(page.Running[:len(page.Running):len(page.Running)], page.Upcoming...), (*API).maintenance)
	b.Incidents = each(a, page.Incidents, (*API).incident)
	b.Components = each(a, page.Components(), (*API).component)
	return out, nil
}

func (a *API) readTimeline(ctx context.Context, in *Paging) (*entries, error) {
	page, err := a.opts.Record.Page(ctx)
	if err != nil {
		return nil, err
	}
	said, next, err := a.opts.Record.Timeline(ctx, in.After, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &entries{}
	out.Body.Entries, out.Body.Next = []Entry{}, next
	for _, e := range said {
		if shown(page, e.Subject) {
			out.Body.Entries = append(out.Body.Entries, Entry{Seq: e.Seq, Subject: string(e.Subject), At: e.At, Kind: e.Event.Kind(), Event: e.Event})
		}
	}
	return out, nil
}

// shown says whether people know of the subject: what is said of a draft is for nobody yet.
func shown(page view.PageModel, id maint.ID) bool {
	if id.Kind() != maint.AMaintenance {
		return true
	}
	_, found := page.Find(id)
	return found
}

func (a *API) readRecord(ctx context.Context, in *readRecord) (*entries, error) {
	found, err := a.archived(ctx, in)
	if err != nil {
		return nil, err
	}
	out := &entries{}
	out.Body.Entries, out.Body.Next = []Entry{}, in.After
	for _, e := range found {
		out.Body.Entries = append(out.Body.Entries, Entry{Seq: e.Seq, Subject: string(e.Subject), Version: e.Version, At: e.At,
			Kind: e.Event.Kind(), Event: e.Event})
		out.Body.Next = e.Seq
	}
	return out, nil
}

// archived picks the entries. A subject has some hundreds of them at most, and they are read at once.
func (a *API) archived(ctx context.Context, in *readRecord) ([]timeline.Entry, error) {
	if in.Subject == "" {
		return a.opts.Archive.Read(ctx, in.After, in.Limit)
	}
	all, err := a.opts.Archive.History(ctx, maint.ID(in.Subject))
	if err != nil {
		return nil, err
	}
	var out []timeline.Entry
	for _, e := range all {
		if e.Seq > in.After && len(out) < in.Limit {
			out = append(out, e)
		}
	}
	return out, nil
}

func (a *API) readReport(ctx context.Context, in *readReport) (*markdown, error) {
	text, err := a.opts.Archive.ReportOf(ctx, maint.ID(in.ID), in.Public)
	return &markdown{ContentType: "text/markdown; charset=utf-8", Body: text}, err
}
