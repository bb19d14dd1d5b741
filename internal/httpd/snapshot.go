package httpd

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/httpd/public"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
	"github.com/lullhq/lull/internal/view"
)

// snapshot is one state of everything that is served. It never changes; a file in it
// is rendered when it is first asked for, and once.
type snapshot struct {
	at      time.Time
	page    view.PageModel
	entries []timeline.PublicEntry
	files   map[string][]resource // by path; a page that is there in several languages has one for each
}

// resource is a file as it goes over the wire.
type resource struct {
	public.File
	body func() (body, error)
}

type body struct {
	bytes []byte
	etag  string
}

func (s *Server) newSnapshot(page view.PageModel, at time.Time, entries []timeline.PublicEntry) *snapshot {
	snap := &snapshot{at: at, page: page, entries: entries, files: map[string][]resource{}}
	for _, f := range s.site.Files(page) {
		snap.files[f.Path] = append(snap.files[f.Path], resource{File: f, body: sync.OnceValues(func() (body, error) {
			b, err := f.Render()
			return tagged(b), err
		})})
	}
	return snap
}

func tagged(b []byte) body {
	sum := sha256.Sum256(b)
	return body{bytes: b, etag: `"` + hex.EncodeToString(sum[:12]) + `"`}
}

// seq is the last public entry that the snapshot tells of.
func (s *snapshot) seq() int64 { return s.page.Seq }

// find picks the file of that address.
func (s *snapshot) find(r *http.Request) (resource, bool) {
	variants := s.files[r.URL.EscapedPath()]
	if len(variants) == 0 {
		return resource{}, false
	}
	return variants[0], true
}

// due says whether the passing of time alone has made another page of it.
func (s *snapshot) due(now time.Time) bool {
	return !s.page.ChangesAt.IsZero() && !now.Before(s.page.ChangesAt)
}

func (s *snapshot) aged() bool { return !s.page.AsOf.IsZero() }

// shows says whether the entry is on the page: what is said of a draft is not.
func (s *snapshot) shows(e timeline.PublicEntry) bool {
	if e.Subject.Kind() != maint.AMaintenance {
		return true
	}
	_, found := s.page.Find(e.Subject)
	return found
}

// since returns the entries after seq, the newest maxBacklog of them: a listener that
// missed more fetches the page, which has them all.
func (s *snapshot) since(seq int64) []timeline.PublicEntry {
	var missed []timeline.PublicEntry
	for i := len(s.entries) - 1; i >= 0 && s.entries[i].Seq > seq && len(missed) < maxBacklog; i-- {
		if s.shows(s.entries[i]) {
			missed = append(missed, s.entries[i])
		}
	}
	slices.Reverse(missed)
	return missed
}

// changes tells how the page differs from the one before when nothing was said: by
// progress alone, which a reader can draw without fetching anything, or by more.
func (s *snapshot) changes(old *snapshot) []event {
	if len(s.page.Running) != len(old.page.Running) || s.aged() != old.aged() || old.due(s.at) {
		return []event{pageEvent()}
	}
	var out []event
	for i, m := range s.page.Running {
		was := old.page.Running[i].Progress
		switch {
		case m.Progress == nil && was == nil:
		case m.Progress == nil || was == nil:
			return []event{pageEvent()}
		case !m.Progress.Same(*was):
			out = append(out, progressEvent(m.ID, *m.Progress))
		}
	}
	return out
}
