package feed

import (
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/maint"
)

const wantCodes = "f7ts7yrzotacxhcy7u4lw6ecncozsiabezak"

func channel(t *testing.T, r *record, now, path string) []item {
	t.Helper()
	page := r.page(now)
	for _, c := range origin.Channels(page) {
		if c.Path == path {
			return c.items(origin, page)
		}
	}
	t.Fatalf("there is no %s", path)
	return nil
}

func TestChannelsChoose(t *testing.T) {
	t.Parallel()
	for path, want := range map[string][]string{
		"/changes": {"Dark mode"},
		"/components/sites": {"Running late: Database upgrade", "Started: Database upgrade", "Notice on our sites: Database upgrade",
			"Scheduled: Load balancers", "Rescheduled: Database upgrade", "Scheduled: Database upgrade"},
		"/components/api": {"API: Degraded performance", "Post-mortem: The API is slow", "Resolved: The API is slow", "Monitoring: The API is slow", "Investigating: The API is slow"},
		"/incidents":      {"Identified: Mail is late", "Post-mortem: The API is slow", "Resolved: The API is slow", "Monitoring: The API is slow", "Investigating: The API is slow"},
	} {
		var got []string
		for _, i := range channel(t, everything(), "12-05 06:10", path) {
			got = append(got, i.heading)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
}

// An entry keeps its id and its date, whatever is said after it, and no date lies in the future.
func TestEntriesKeepIDsAndDates(t *testing.T) {
	t.Parallel()
	r := everything()
	before := channel(t, r, "12-05 06:10", "/history")
	r.say("pg17", "12-05 06:30", maint.Completed{})
	r.say("next", "12-05 06:31", maint.Rescheduled{Scheduled: planned("New load balancers", "12-19 21:30", nil)})
	after := channel(t, r, "12-05 06:31", "/history")
	if len(after) != len(before)+2 {
		t.Fatalf("%d entries became %d", len(before), len(after))
	}
	seen := map[string]bool{}
	for n, i := range after {
		if seen[i.id] || i.At.After(at("12-05 06:31")) || n > 0 && i.At.After(after[n-1].At) {
			t.Errorf("%s of %s is there twice, in the future, or out of order", i.id, i.At)
		}
		seen[i.id] = true
		if n >= 2 && (i.id != before[n-2].id || !i.At.Equal(before[n-2].At)) {
			t.Errorf("%s of %s was %s of %s", i.id, i.At, before[n-2].id, before[n-2].At)
		}
	}
}

// A post whose words were changed stays one entry, and says when they were.
func TestChangedPostIsUpdated(t *testing.T) {
	t.Parallel()
	got := channel(t, everything(), "12-05 06:10", "/changes")[0]
	if !got.At.Equal(at("11-23 00:00")) || !got.Changed.Equal(at("11-24 00:00")) || !strings.Contains(got.html, "<em>really</em>") {
		t.Errorf("got %+v", got)
	}
}

// The feed is as new as its newest entry: asked again, it is the same to the byte.
func TestFeedIsAsOldAsItsNews(t *testing.T) {
	t.Parallel()
	r := everything()
	one, other := documents(t, origin, r.page("12-05 06:10")), documents(t, origin, r.page("12-05 06:11"))
	for path := range one {
		if strings.HasSuffix(path, ".svg") {
			continue
		}
		if diff := cmp.Diff(string(one[path]), string(other[path])); diff != "" {
			t.Errorf("%s is another one a minute later: %s", path, diff)
		}
	}
}

func TestFeedsAreBounded(t *testing.T) {
	t.Parallel()
	var r record
	r.say("pg17", "12-01 00:00", planned("Database upgrade", "12-05 17:00", nil))
	for range 3 * most {
		r.say("pg17", "12-02 00:00", maint.Updated{Text: "on and on"})
	}
	if got := channel(t, &r, "12-02 00:00", "/history"); len(got) != most || got[0].Seq != 3*most+1 {
		t.Errorf("%d entries from %d on", len(got), got[0].Seq)
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	minted := time.Date(2026, 12, 5, 23, 30, 0, 0, time.FixedZone("", -7*3600))
	for url, want := range map[string]string{
		"https://Status.Example.com:8443/base": "tag:status.example.com,2026-12-06:x",
		"http://[::1]:8080":                    "tag:localhost,2026-12-06:x",
		"":                                     "tag:localhost,2026-12-06:x",
	} {
		if got := (Origin{URL: url}).tag(minted, "x"); got != want {
			t.Errorf("%s: got %s, want %s", url, got, want)
		}
	}
}

// A badge is a picture with a name, and nothing in it runs.
func TestBadgeHasAName(t *testing.T) {
	t.Parallel()
	b, err := badge(`A & "B" <script>`, strings.Repeat("long ", 30), "calm")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Role  string `xml:"role,attr"`
		Title string `xml:"title"`
		Width int    `xml:"width,attr"`
	}
	if err := xml.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if got.Role != "img" || !strings.HasPrefix(got.Title, `A & "B" <script>: long`) || got.Width > 400 {
		t.Errorf("got %+v", got)
	}
}
