package httpd

import (
	"net/http"
	"slices"
	"time"

	"github.com/lullhq/lull/internal/httpd/public"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
	"github.com/lullhq/lull/internal/view"
)

// snapshot is one state of everything that is served. It never changes.
type snapshot struct {
	at      time.Time
	page    view.PageModel
	entries []timeline.PublicEntry
	files   map[string]*address
	tongues *tongues // nil when nothing is there in several languages
}

// address is what is at one path: a file, or a page in each of its languages.
type address struct {
	variants []*resource // the first is the default
}

// newSnapshot carries over what was rendered and packed for the snapshot before.
func (s *Server) newSnapshot(page view.PageModel, at time.Time, entries []timeline.PublicEntry) *snapshot {
	old := s.snap.Load()
	files := s.site.Files(page)
	snap := &snapshot{at: at, page: page, entries: entries, files: make(map[string]*address, len(files))}
	var langs []string
	for _, f := range files {
		if f.Lang != "" && !slices.Contains(langs, f.Lang) {
			langs = append(langs, f.Lang)
		}
		snap.add(&resource{File: f, headers: s.headersOf(f), was: old.rendered(f)})
	}
	if len(langs) > 0 {
		if !s.tongues.speaks(langs) {
			s.tongues = newTongues(langs)
		}
		snap.tongues = s.tongues
	}
	return snap
}

// add puts a file at its path, and a page also below the name of its language.
func (s *snapshot) add(f *resource) {
	a := s.files[f.Path]
	if a == nil {
		a = &address{}
		s.files[f.Path] = a
	}
	a.variants = append(a.variants, f)
	if f.Lang != "" {
		s.files["/"+f.Lang+f.Path] = &address{variants: []*resource{f}}
	}
}

// rendered gives what the file was when it was last rendered.
func (s *snapshot) rendered(f public.File) *rendered {
	if s == nil {
		return nil
	}
	if a := s.files[f.Path]; a != nil {
		return a.in(f.Lang).last()
	}
	return nil
}

// in gives the file in that language, or else in the default.
func (a *address) in(lang string) *resource {
	for _, f := range a.variants {
		if f.Lang == lang {
			return f
		}
	}
	return a.variants[0]
}

// fileKind is what the headers of a file depend on.
type fileKind struct {
	contentType, lang string
	foreign           bool
}

// headersOf makes the headers once for each kind of file, not for each file.
func (s *Server) headersOf(f public.File) headers {
	kind := fileKind{f.Type, f.Lang, f.Foreign}
	hs, known := s.kinds[kind]
	if !known {
		hs = fileHeaders(f, cacheOf(f), s.guards)
		s.kinds[kind] = hs
	}
	return hs
}

// find picks the file for that path and for the reader's languages; nil when there is none.
func (s *snapshot) find(path string, r *http.Request) *resource {
	a := s.files[path]
	if a == nil {
		return nil
	}
	if len(a.variants) == 1 {
		return a.variants[0]
	}
	return a.in(s.tongues.choose(r.Header.Get("Accept-Language")))
}

// seq is the last public entry that the snapshot tells of.
func (s *snapshot) seq() int64 { return s.page.Seq }

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

func (s *snapshot) shown(entries []timeline.PublicEntry) (out []timeline.PublicEntry) {
	for _, e := range entries {
		if s.shows(e) {
			out = append(out, e)
		}
	}
	return out
}

// changes tells how the page differs from the one before when nothing was said: by
// progress alone, which a reader can draw without fetching anything, or by more. Then it has turned.
func (s *snapshot) changes(old *snapshot) (news bundle, turned bool) {
	if len(s.page.Running) != len(old.page.Running) || s.aged() != old.aged() || old.due(s.at) {
		return pageEvent(), true
	}
	for i, m := range s.page.Running {
		was := old.page.Running[i].Progress
		switch {
		case m.Progress == nil && was == nil:
		case m.Progress == nil || was == nil:
			return pageEvent(), true
		case !m.Progress.Same(*was):
			news = news.with(progressEvent(m.ID, *m.Progress))
		}
	}
	return news, false
}
