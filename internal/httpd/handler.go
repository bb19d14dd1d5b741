package httpd

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/httpd/public"
)

// Handler answers everything that the server answers.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /events", s.events)
	mux.HandleFunc("GET /healthz", s.health)
	for _, a := range s.site.Assets() {
		mux.HandleFunc("GET "+a.Path, serveAsset(a))
	}
	mux.HandleFunc("GET /", s.file)
	mux.HandleFunc("/", s.missing)
	return s.secured(mux)
}

// file answers with a file of the public face.
func (s *Server) file(w http.ResponseWriter, r *http.Request) {
	snap := s.snap.Load()
	if snap == nil {
		w.Header().Set("Retry-After", "5")
		s.problem(w, http.StatusServiceUnavailable, public.Starting)
		return
	}
	f, found := snap.find(r)
	if !found {
		s.missing(w, r)
		return
	}
	b, err := f.body()
	if err != nil {
		s.opts.Log.Error("a page cannot be rendered", "path", r.URL.Path, "error", err)
		http.Error(w, "this page cannot be shown", http.StatusInternalServerError)
		return
	}
	if f.Foreign {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
	// Caches may keep it for when the server is away, and ask again otherwise (RFC 5861).
	serve(w, r, b, f.Type, "public, max-age=0, stale-if-error=86400")
}

func serveAsset(a public.Asset) http.HandlerFunc {
	b := tagged(a.Body)
	return func(w http.ResponseWriter, r *http.Request) {
		serve(w, r, b, a.Type, "public, max-age=31536000, immutable")
	}
}

// serve leaves If-None-Match, HEAD and ranges to the standard library.
func serve(w http.ResponseWriter, r *http.Request, b body, contentType, cache string) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", cache)
	w.Header().Set("ETag", b.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b.bytes))
}

func (s *Server) missing(w http.ResponseWriter, _ *http.Request) {
	s.problem(w, http.StatusNotFound, public.Missing)
}

func (s *Server) problem(w http.ResponseWriter, code int, why public.Trouble) {
	page, err := s.site.Problem(why, "")
	if err != nil {
		http.Error(w, http.StatusText(code), code)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = w.Write(page) // the reader has gone: nobody to tell
}

// health answers 200 as long as there is a page to serve, also an old one: a balancer
// that took the page away while the record is down would take it away when it is needed.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	snap := s.snap.Load()
	answer := map[string]any{"status": "ok"}
	code := http.StatusOK
	switch {
	case snap == nil:
		answer["status"], code = "starting", http.StatusServiceUnavailable
	case snap.aged():
		answer["status"], answer["as_of"] = "stale", snap.page.AsOf.UTC().Format(time.RFC3339)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(answer)
}

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// secured puts the security headers on every answer, errors included.
func (s *Server) secured(next http.Handler) http.Handler {
	overTLS := strings.HasPrefix(s.opts.URL, "https://")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		if overTLS {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}
