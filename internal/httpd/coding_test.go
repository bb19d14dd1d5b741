package httpd

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

func TestChoose(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]coding{
		"": plain, "identity": plain, "deflate": plain, "gzip": gzipped, "GZIP": gzipped,
		"gzip, deflate, br, zstd": brotlied, "gzip, deflate": gzipped, "gzip,zstd": zstandard,
		"br;q=0.1, gzip;q=0.9": gzipped, "br;q=0, *": zstandard, "*;q=0": plain, "*": brotlied,
		"br;q=0.5, identity;q=0.9": plain, "br; q=1.0": brotlied, "br;q=2": plain, "br;q=x, gzip": gzipped,
		"identity;q=0": plain, "br;q=NaN": plain, ",,;,": plain,
	} {
		if got := choose(accept); got != want {
			t.Errorf("%q gets %s, want %s", accept, codingNames[got], codingNames[want])
		}
	}
}

func FuzzChoose(f *testing.F) {
	f.Add("gzip, deflate, br;q=0.3, *;q=0")
	f.Fuzz(func(t *testing.T, accept string) {
		if c := choose(accept); c < 0 || c >= codings {
			t.Fatalf("%q gets %d", accept, c)
		}
	})
}

func unpack(t *testing.T, coding string, b []byte) []byte {
	t.Helper()
	var r io.Reader
	var err error
	switch coding {
	case "gzip":
		r, err = gzip.NewReader(bytes.NewReader(b))
	case "br":
		r = brotli.NewReader(bytes.NewReader(b))
	case "zstd":
		r, err = zstd.NewReader(bytes.NewReader(b))
	default:
		return b
	}
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("unpack %s: %v", coding, err)
	}
	return out
}

// Each coding unpacks to the same page, and has a tag of its own which answers for it alone.
func TestPageIsPacked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at("04:21"))
	begin(w)
	w.look()
	want := get(t, w, "/").Body.Bytes()
	tags := map[string]string{}
	for _, coding := range []string{"", "gzip", "br", "zstd"} {
		rec := get(t, w, "/", "Accept-Encoding", coding)
		h := rec.Header()
		if h.Get("Content-Encoding") != coding || !strings.Contains(h.Get("Vary"), "Accept-Encoding") {
			t.Errorf("%q is answered with %v", coding, h)
		}
		if got := unpack(t, coding, rec.Body.Bytes()); !bytes.Equal(got, want) {
			t.Errorf("%q unpacks to another page", coding)
		}
		if coding != "" && rec.Body.Len()*2 > len(want) {
			t.Errorf("%s packs %d bytes into %d", coding, len(want), rec.Body.Len())
		}
		tag := h.Get("ETag")
		if other, taken := tags[tag]; taken || !strings.HasPrefix(tag, `"`) {
			t.Errorf("the tag of %q is %s, that of %q as well", coding, tag, other)
		}
		tags[tag] = coding
		for asked := range tags {
			rec := get(t, w, "/", "Accept-Encoding", coding, "If-None-Match", `"x", W/`+asked)
			if want := map[bool]int{true: http.StatusNotModified, false: http.StatusOK}[asked == tag]; rec.Code != want {
				t.Errorf("%q with the tag of %q answered %d", coding, tags[asked], rec.Code)
			}
		}
	}
}

func TestHeadAndOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at("04:21"))
	begin(w)
	w.look()
	whole := get(t, w, "/")
	head := do(t, w, http.MethodHead, "/")
	if head.Body.Len() != 0 || head.Header().Get("Content-Length") != whole.Header().Get("Content-Length") || head.Header().Get("ETag") != whole.Header().Get("ETag") {
		t.Errorf("HEAD answered %v", head.Header())
	}
	if rec := do(t, w, http.MethodPost, "/"); rec.Code != http.StatusMethodNotAllowed || rec.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST answered %d", rec.Code)
	}
}

// What did not change is neither packed again nor kept twice.
func TestPackedBytesAreCarriedOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, at("05:10"))
	several(w)
	w.look()
	packed := func(path string) *answer {
		a, err := w.server.find(path, &http.Request{Header: http.Header{}}).in(brotlied)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	home, old := packed("/"), packed("/maintenance/old-a")
	for i := range 3 { // nobody asks in between
		w.work("pg17", "Copying the database", 0.5+float64(i)/10, at("05:09"))
		w.look()
	}
	if packed("/maintenance/old-a") != old {
		t.Error("a page that is as before was packed again")
	}
	if packed("/") == home {
		t.Error("a page that has changed was not packed again")
	}
}
