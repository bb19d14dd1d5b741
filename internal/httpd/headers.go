package httpd

import (
	"net/http"
	"strings"

	"github.com/lullhq/lull/internal/httpd/public"
)

// header is one line of an answer, ready to be put there without work. Its name is in canonical form.
type header struct {
	name  string
	value []string
}

// headers are set by assignment: what is answered most often allocates nothing for them.
type headers []header

func (hs headers) set(into http.Header) {
	for _, h := range hs {
		into[h.name] = h.value
	}
}

func line(name, value string) header {
	return header{name: http.CanonicalHeaderKey(name), value: []string{value}}
}

// policy is that of pages, and of every answer that is no file. A file that is no page loads nothing and runs nothing: an SVG or a
// feed that somebody opens by its address has no more rights than one that was saved.
const (
	policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https:; connect-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	filePolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
)

// guards are the security headers of every answer, errors included.
func guards(url string) headers {
	hs := headers{
		line("Content-Security-Policy", policy),
		line("X-Content-Type-Options", "nosniff"),
		line("Referrer-Policy", "no-referrer"),
		line("Cross-Origin-Resource-Policy", "same-origin"),
	}
	if strings.HasPrefix(url, "https://") {
		hs = append(hs, line("Strict-Transport-Security", "max-age=31536000"))
	}
	return hs
}

// documentGuards mean something for documents only.
var documentGuards = headers{
	line("Cross-Origin-Opener-Policy", "same-origin"),
	line("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
}

// What caches may do. A page is asked for anew each time, and kept for when the server is away (RFC 5861).
// Whoever polls a feed or the JSON does not need the last second.
const (
	cachePage  = "public, max-age=0, stale-if-error=86400"
	cacheData  = "public, max-age=10, stale-while-revalidate=20, stale-if-error=3600"
	cacheAsset = "public, max-age=31536000, immutable"
)

// fileHeaders are those of a file whatever its bytes are. Of two lines of one name the later holds.
func fileHeaders(f public.File, cache string, guards headers) headers {
	hs := append(headers{line("Content-Type", f.Type), line("Cache-Control", cache)}, guards...)
	vary := "Accept-Encoding"
	if f.Lang != "" {
		hs = append(hs, line("Content-Language", f.Lang))
		vary = "Accept-Encoding, Accept-Language"
	}
	if isDocument(f) {
		hs = append(hs, documentGuards...)
	} else {
		hs = append(hs, line("Content-Security-Policy", filePolicy))
	}
	if f.Foreign {
		hs = append(hs, line("Access-Control-Allow-Origin", "*"), line("Cross-Origin-Resource-Policy", "cross-origin"))
	}
	return append(hs, line("Vary", vary))
}

func isDocument(f public.File) bool { return strings.HasPrefix(f.Type, "text/html") }

func cacheOf(f public.File) string {
	if isDocument(f) {
		return cachePage
	}
	return cacheData
}
