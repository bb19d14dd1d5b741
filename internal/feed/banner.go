package feed

import (
	"encoding/json"
	"fmt"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/view"
)

// Notice is what the banner shows of one maintenance or incident.
type Notice struct {
	ID       string `json:"id"` // another one once the same is news again
	Label    string `json:"label"`
	Title    string `json:"title"`
	URL      string `json:"url"`
	Severity string `json:"severity"` // none, minor, major, critical; of a maintenance: maintenance
	Running  bool   `json:"running"`
	StartsAt string `json:"starts_at,omitempty"`
	EndsAt   string `json:"ends_at,omitempty"`
}

// Banner lists what sites are to show, the gravest first: open incidents, what is being worked on,
// and what comes next. From when on the latter is shown is for the site to say.
func (o Origin) Banner(page view.PageModel) ([]byte, error) {
	notices := []Notice{}
	for _, i := range page.Incidents {
		notices = append(notices, o.incidentNotice(i))
	}
	for _, m := range page.Running {
		notices = append(notices, o.notice(m))
	}
	for _, m := range page.Upcoming[:min(1, len(page.Upcoming))] {
		notices = append(notices, o.notice(m))
	}
	out, err := json.Marshal(struct {
		Name    string   `json:"name"`
		URL     string   `json:"url"`
		Notices []Notice `json:"notices"`
	}{o.Name, o.link("/"), notices})
	if err != nil {
		return nil, fmt.Errorf("encode the banner: %w", err)
	}
	return append(out, '\n'), nil
}

func (o Origin) incidentNotice(i view.Incident) Notice {
	return Notice{ID: codeOf(i.ID), Label: o.words().Label("status", string(i.Status)), Title: i.Title, URL: o.link(PathOf(i.ID)),
		Severity: string(i.Severity), Running: true, StartsAt: iso(i.Began)}
}

// notice has another id when the window has moved and when the work begins: whoever closed the
// first one has not seen that.
func (o Origin) notice(m view.Maintenance) Notice {
	n := Notice{Label: o.words().Label("state", string(m.State)), Title: m.Title, URL: o.link(PathOf(m.ID)), Severity: string(maint.AMaintenance), Running: m.Running()}
	if m.Running() && (m.Overrun || !m.Expected.IsZero()) {
		n.Label = o.words().Label("entry", maint.Late{}.Kind())
	}
	if m.Window.Known() {
		n.StartsAt, n.EndsAt = iso(m.Window.Start), iso(until(m))
	}
	n.ID = code("notice", string(m.ID)+" "+string(m.State)+" "+n.StartsAt)
	return n
}
