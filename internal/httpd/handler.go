package httpd

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/httpd/public"
)

// Handler answers everything that the server answers: the files of the public face, and
// the few addresses that are not files.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.answer) }

// answer looks for a file first: almost everyone comes for one.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	path := s.below(r.URL.EscapedPath())
	f := s.find(path, r)
	switch {
	case f == nil:
		s.counts.others.Add(1)
		s.guards.set(w.Header())
		documentGuards.set(w.Header())
		s.routes.ServeHTTP(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		f.headers.set(w.Header())
		w.Header().Set("Allow", "GET, HEAD")
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "this address can only be read", http.StatusMethodNotAllowed)
	default:
		s.file(w, r, f)
	}
}

// below takes the base path off. A proxy in front may have done so already: both are the same page.
func (s *Server) below(path string) string {
	rest, found := strings.CutPrefix(path, s.base)
	switch {
	case s.base == "" || !found || rest != "" && rest[0] != '/':
		return path
	case rest == "":
		return "/"
	}
	return rest
}

func (s *Server) find(path string, r *http.Request) *resource {
	if a := s.assets[path]; a != nil {
		return a
	}
	if snap := s.snap.Load(); snap != nil {
		return snap.find(path, r)
	}
	return nil
}

func (s *Server) file(w http.ResponseWriter, r *http.Request, f *resource) {
	a, err := f.in(choose(r.Header.Get("Accept-Encoding")))
	if err != nil {
		s.counts.failed.Add(1)
		s.opts.Log.Error("a file cannot be rendered", "path", f.Path, "error", err)
		f.headers.set(w.Header())
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "this page cannot be shown", http.StatusInternalServerError)
		return
	}
	if a.serve(w, r) {
		s.counts.files.Add(1)
	} else {
		s.counts.unchanged.Add(1)
	}
}

// newRoutes are the addresses that are no files.
func (s *Server) newRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /events", s.events)
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /readyz", s.ready)
	if s.opts.API != nil {
		mux.Handle("/api/v1/", s.opts.API)
	}
	if s.opts.Subscribe != nil {
		s.subscribing(mux)
	}
	if s.opts.Widget != nil {
		mux.Handle("/widget/", s.opts.Widget)
	}
	mux.HandleFunc("/", s.missing)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path := s.below(r.URL.Path); path != r.URL.Path {
			r = r.Clone(r.Context())
			r.URL.Path, r.URL.RawPath = path, ""
		}
		mux.ServeHTTP(w, r)
	})
}

// newAssets are the files that never change under their path.
func (s *Server) newAssets() map[string]*resource {
	out := map[string]*resource{}
	for _, a := range s.site.Assets() {
		f := public.File{Path: a.Path, Type: a.Type, Render: func() ([]byte, error) { return a.Body, nil }}
		out[a.Path] = &resource{File: f, headers: fileHeaders(f, cacheAsset, s.guards)}
	}
	return out
}

// missing answers for what is not there, or not there yet.
func (s *Server) missing(w http.ResponseWriter, r *http.Request) {
	if s.snap.Load() == nil {
		w.Header().Set("Retry-After", "5")
		s.problem(w, r, http.StatusServiceUnavailable, public.Starting)
		return
	}
	s.problem(w, r, http.StatusNotFound, public.Missing)
}

func (s *Server) problem(w http.ResponseWriter, r *http.Request, code int, why public.Trouble) {
	page, err := s.site.Problem(why, s.languageOf(r))
	if err != nil {
		http.Error(w, http.StatusText(code), code)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = w.Write(page) // the reader has gone: nobody to tell
}

// languageOf is the one for an answer that is no file: that of the address, or else the reader's; "" is the default.
func (s *Server) languageOf(r *http.Request) string {
	snap := s.snap.Load()
	if snap == nil || snap.tongues == nil {
		return ""
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(s.below(r.URL.Path), "/"), "/")
	if slices.Contains(snap.tongues.langs, first) {
		return first
	}
	return snap.tongues.choose(r.Header.Get("Accept-Language"))
}

// health says that the process is alive, and how its page is. It is never a reason to
// start the process anew: that would not bring the record back, and would lose the last page.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	answer := map[string]any{"status": "ok"}
	switch snap := s.snap.Load(); {
	case snap == nil:
		answer["status"] = "starting"
	case snap.aged():
		answer["status"], answer["as_of"] = "stale", snap.page.AsOf.UTC().Format(time.RFC3339)
	}
	tell(w, http.StatusOK, answer)
}

// ready says whether a balancer may send readers here: as soon as there is a page, also when it is
// an old one, until the server is about to end. A balancer that took the page away while the
// record is down would take it away when it is needed.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	switch {
	case s.ending.Load():
		tell(w, http.StatusServiceUnavailable, map[string]any{"status": "ending"})
	case s.snap.Load() == nil:
		tell(w, http.StatusServiceUnavailable, map[string]any{"status": "starting"})
	default:
		tell(w, http.StatusOK, map[string]any{"status": "ready"})
	}
}

func tell(w http.ResponseWriter, code int, answer map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(answer) // the reader has gone: nobody to tell
}
