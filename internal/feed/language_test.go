package feed

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/golden"
	"github.com/lullhq/lull/internal/phrase"
	"github.com/lullhq/lull/internal/view"
)

// In each language everything that Lull itself says is said in it. What people wrote stays as they wrote it, and
// Statuspage's API stays English: its clients match on words.
func TestLanguageOfTheOrigin(t *testing.T) {
	t.Parallel()
	page := everything().page("12-05 06:10")
	english := documents(t, origin, page)
	for _, lang := range phrase.Languages {
		o := origin
		o.Lang = lang
		said := documents(t, o, page)
		for path := range english {
			same := bytes.Equal(english[path], said[path])
			if statuspage := strings.HasPrefix(path, "/api/v2/"); same != (statuspage || lang == "en") {
				t.Errorf("%s in %s is the same as in English: %t", path, lang, same)
			}
		}
		for _, path := range []string{"/history.atom", "/history.rss", "/history.json", "/maintenance.ics"} {
			for _, words := range []string{"We move our database to PostgreSQL 17.", "Database upgrade"} {
				if !bytes.Contains(said[path], []byte(words)) {
					t.Errorf("%s in %s does not say %q", path, lang, words)
				}
			}
		}
	}
}

// The words of one language, for people to read.
func TestGermanHeadings(t *testing.T) {
	t.Parallel()
	o := origin
	o.Lang = "de"
	page := everything().page("12-05 06:10")
	var got []string
	for _, c := range o.Channels(page) {
		got = append(got, c.title(o))
	}
	for _, i := range o.Channels(page)[0].items(o, page)[:4] {
		got = append(got, i.heading, i.html)
	}
	got = append(got, labels(t, o, page)...)
	golden.Equal(t, "german", strings.Join(got, "\n")+"\n")
	if diff := cmp.Diff([]string{"Identified", "Running late", "Scheduled"}, labels(t, origin, page)); diff != "" {
		t.Error(diff)
	}
}

// labels are those of the banner's notices.
func labels(t *testing.T, o Origin, page view.PageModel) (out []string) {
	t.Helper()
	b, err := o.Banner(page)
	if err != nil {
		t.Fatal(err)
	}
	var banner struct{ Notices []Notice }
	if err := json.Unmarshal(b, &banner); err != nil {
		t.Fatal(err)
	}
	for _, n := range banner.Notices {
		out = append(out, n.Label)
	}
	return out
}
