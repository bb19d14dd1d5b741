package httpd

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/lullhq/lull/internal/httpd/public"
)

// resource is a file of one snapshot. It is rendered when it is first asked for, and once.
type resource struct {
	public.File
	headers headers
	now     atomic.Pointer[rendered]

	mu  sync.Mutex
	was *rendered // what the file was when it was last rendered, in an earlier snapshot
}

// rendered are the bytes of a file, and each coding of them that somebody asked for.
// Snapshots share it for as long as the file stays the same.
type rendered struct {
	bytes   []byte
	tag     string
	answers [codings]atomic.Pointer[answer]
	mu      sync.Mutex
}

// answer is a file in one coding, as it goes over the wire.
type answer struct {
	body    []byte
	etag    string
	headers headers
}

// in gives the file in that coding.
func (f *resource) in(c coding) (*answer, error) {
	now := f.now.Load()
	if now == nil {
		var err error
		if now, err = f.render(); err != nil {
			return nil, err
		}
	}
	if a := now.answers[c].Load(); a != nil {
		return a, nil
	}
	return now.pack(c, f.headers), nil
}

// render keeps what was packed before when the bytes are still the same.
func (f *resource) render() (*rendered, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := f.now.Load(); now != nil {
		return now, nil
	}
	b, err := f.Render()
	if err != nil {
		return nil, err
	}
	now := f.was
	if now == nil || !bytes.Equal(now.bytes, b) {
		sum := sha256.Sum256(b)
		now = &rendered{bytes: b, tag: hex.EncodeToString(sum[:12])}
	}
	f.now.Store(now)
	f.was = nil
	return now, nil
}

// last is what the file was when it was last rendered; nil when it never was.
func (f *resource) last() *rendered {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := f.now.Load(); now != nil {
		return now
	}
	return f.was
}

func (r *rendered) pack(c coding, common headers) *answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	if a := r.answers[c].Load(); a != nil {
		return a
	}
	asked, body := c, c.pack(r.bytes)
	if len(body) >= len(r.bytes) {
		c, body = plain, r.bytes
	}
	a := &answer{body: body, etag: `"` + r.tag + `"`, headers: append(headers{}, common...)}
	if c != plain {
		// Another coding is another representation, and a strong tag must tell them apart (RFC 9110, section 8.8.3).
		a.etag = `"` + r.tag + "-" + codingNames[c] + `"`
		a.headers = append(a.headers, line("Content-Encoding", codingNames[c]))
	}
	a.headers = append(a.headers, line("ETag", a.etag), line("Content-Length", strconv.Itoa(len(body))))
	r.answers[asked].Store(a)
	return a
}

// serve answers a GET or a HEAD, and says whether the client did not have it already. Ranges are not
// served: the longest file is shorter than what a range would save.
func (a *answer) serve(w http.ResponseWriter, r *http.Request) bool {
	a.headers.set(w.Header())
	if matches(r.Header["If-None-Match"], a.etag) {
		w.WriteHeader(http.StatusNotModified)
		return false
	}
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.body) // the reader has gone: nobody to tell
	}
	return true
}

// matches compares weakly, as If-None-Match wants it (RFC 9110, section 13.1.2): proxies
// that pack by themselves make strong tags weak.
func matches(fields []string, etag string) bool {
	for _, field := range fields {
		for tag := range strings.SplitSeq(field, ",") {
			tag = strings.TrimSpace(tag)
			if strings.TrimPrefix(tag, "W/") == etag || tag == "*" {
				return true
			}
		}
	}
	return false
}
