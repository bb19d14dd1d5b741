package httpd

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	ics "github.com/arran4/golang-ical"
	"github.com/google/go-cmp/cmp"
	"github.com/mmcdole/gofeed"
)

const readers = "../../.cache/clients"

// foreign runs one of the programs in testdata/clients, which read with other people's packages, and
// decodes what it prints.
func foreign(t *testing.T, script string, into any, args ...string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no node on PATH: what is served is not read with programs of others (apt-get install npm)")
	}
	if _, err := os.Stat(filepath.Join(readers, "ready")); err != nil {
		t.Skip("the programs of others are not there (scripts/clients)")
	}
	source, err := os.ReadFile(filepath.Join("testdata/clients", script))
	must(t, err)
	// From standard input, so that it finds its packages in the folder it runs in.
	cmd := exec.CommandContext(t.Context(), node, append([]string{"--input-type=module", "-"}, args...)...)
	var out, complaints bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = readers, bytes.NewReader(source), &out, &complaints
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, complaints.String())
	}
	if err := json.Unmarshal(out.Bytes(), into); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out.String())
	}
}

func served(t *testing.T) string {
	w := eventful(t)
	srv := httptest.NewServer(w.server.Handler())
	t.Cleanup(srv.Close)
	return srv.URL
}

func fetched(t *testing.T, url string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	must(t, err)
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer resp.Body.Close()
	var out bytes.Buffer
	_, err = out.ReadFrom(resp.Body)
	must(t, err)
	return out.Bytes()
}

// The statuspage.io package, version 3, asks all that it can. Of maintenances it knows those to come only:
// its other two questions go to the same address.
func TestForeignStatuspageClient(t *testing.T) {
	t.Parallel()
	type answers struct {
		Page                                        string
		Status                                      map[string]string
		Components, Incidents, Unresolved, Upcoming []string
		Summary                                     [2][]string
	}
	var got answers
	foreign(t, "statuspage.mjs", &got, served(t))
	mail, upgrade, search := "Mail is late: investigating", "Database upgrade: in_progress", "Search index rebuild: scheduled"
	want := answers{
		Page: "Example", Status: map[string]string{"indicator": "minor", "description": "Minor Service Outage"},
		Components: []string{"Product: under_maintenance", "App: under_maintenance", "Sites: operational"},
		Incidents:  []string{mail}, Unresolved: []string{mail}, Upcoming: []string{search},
		Summary: [2][]string{{mail}, {upgrade, search}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// entry is what a reader of feeds shows of one.
type entry struct{ ID, Title, Link, Published string }

const milliseconds = "2006-01-02T15:04:05.000Z"

// Three programs read each channel, in every format that they know, and find the same.
func TestForeignFeedReaders(t *testing.T) {
	t.Parallel()
	base := served(t)
	for _, path := range []string{"/history", "/maintenance", "/incidents", "/changes", "/components/app"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			found := map[string][]entry{}
			for _, format := range []string{"atom", "rss", "json"} {
				found["gofeed "+format] = gofound(t, fetched(t, base+path+"."+format))
			}
			want := found["gofeed atom"]
			if len(want) == 0 {
				t.Fatal("there are no entries")
			}
			var others map[string][]entry
			foreign(t, "feeds.mjs", &others, base+path)
			for reader, got := range others {
				found[reader] = got
			}
			if len(found) != 8 {
				t.Errorf("%d readings", len(found))
			}
			for reader, got := range found {
				if diff := cmp.Diff(want, got, linksOf(reader)); diff != "" {
					t.Errorf("%s found (-gofeed atom +it):\n%s", reader, diff)
				}
			}
		})
	}
}

// linksOf compares links as far as a reader keeps them: feed-extractor leaves out where on the page it is.
func linksOf(reader string) cmp.Option {
	return cmp.FilterPath(func(p cmp.Path) bool {
		return p.Last().String() == ".Link" && strings.HasPrefix(reader, "feed-extractor")
	},
		cmp.Comparer(func(a, b string) bool {
			a, _, _ = strings.Cut(a, "#")
			b, _, _ = strings.Cut(b, "#")
			return a == b
		}))
}

func gofound(t *testing.T, document []byte) (out []entry) {
	t.Helper()
	feed, err := gofeed.NewParser().Parse(bytes.NewReader(document))
	must(t, err)
	for _, i := range feed.Items {
		if i.PublishedParsed == nil || i.Content == "" && i.Description == "" {
			t.Errorf("%s has no date or no words", i.GUID)
			continue
		}
		out = append(out, entry{i.GUID, i.Title, i.Link, i.PublishedParsed.UTC().Format(milliseconds)})
	}
	return out
}

// event is what a calendar shows of one.
type calendarEvent struct {
	UID, Summary, Description, Start, End, Status, Impact string
	Sequence                                              int
}

// Three programs read the calendars and find the same events.
func TestForeignCalendars(t *testing.T) {
	t.Parallel()
	base := served(t)
	for _, path := range []string{"/maintenance.ics", "/maintenance/pg17.ics", "/components/app.ics"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			want := goevents(t, fetched(t, base+path))
			if len(want) == 0 {
				t.Fatal("there are no events")
			}
			var found map[string][]calendarEvent
			foreign(t, "calendar.mjs", &found, base+path)
			if len(found) != 2 {
				t.Errorf("%d readings", len(found))
			}
			for reader, got := range found {
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s found (-golang-ical +it):\n%s", reader, diff)
				}
			}
		})
	}
}

func goevents(t *testing.T, document []byte) (out []calendarEvent) {
	t.Helper()
	calendar, err := ics.ParseCalendar(bytes.NewReader(document))
	must(t, err)
	for _, e := range calendar.Events() {
		start, err := e.GetStartAt()
		must(t, err)
		end, err := e.GetEndAt()
		must(t, err)
		value := func(name string) string {
			p := e.GetProperty(ics.ComponentProperty(name))
			if p == nil {
				t.Fatalf("an event has no %s", name)
			}
			return ics.FromText(p.Value)
		}
		c := calendarEvent{UID: e.Id(), Summary: value("SUMMARY"), Description: value("DESCRIPTION"), Status: value("STATUS"), Impact: value("X-MAINTNOTE-IMPACT"),
			Start: start.UTC().Format(milliseconds), End: end.UTC().Format(milliseconds)}
		must(t, json.Unmarshal([]byte(value("SEQUENCE")), &c.Sequence))
		out = append(out, c)
		if !strings.HasSuffix(c.UID, "@status.example.com") || end.Sub(start) < time.Second {
			t.Errorf("event %s goes from %s to %s", c.UID, start, end)
		}
	}
	return out
}
