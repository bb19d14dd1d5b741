package pagerduty_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/netguard"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/notify/pagerduty"
)

type window struct {
	ID          string    `json:"id,omitempty"`
	Type        string    `json:"type"`
	Start       time.Time `json:"start_time"`
	End         time.Time `json:"end_time"`
	Description string    `json:"description"`
	Services    []struct {
		ID   string `json:"id"`
		Type string `json:"type"`
	} `json:"services"`
}

type body struct {
	Window *window `json:"maintenance_window"`
}

// account is what PagerDuty documents of maintenance windows (its OpenAPI 3 file, paths below /maintenance_windows):
// required fields and headers, and what it does with times.
type account struct {
	t        *testing.T
	mu       sync.Mutex
	now      time.Time
	windows  []window
	requests []string
	lose     bool // the next change is made, and its answer is lost
}

func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests = append(a.requests, r.Method)
	if r.Header.Get("Authorization") != "Token token=T0KEN" || r.Header.Get("Accept") != "application/vnd.pagerduty+json;version=2" || r.Header.Get("From") != "ann@example.com" {
		a.t.Errorf("headers: %v", r.Header)
	}
	id := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/maintenance_windows"), "/")
	at := slices.IndexFunc(a.windows, func(x window) bool { return x.ID == id })
	if (id == "") != (r.Method == http.MethodGet || r.Method == http.MethodPost) || id != "" && at < 0 {
		a.t.Errorf("%s %s", r.Method, r.URL)
	}
	switch r.Method {
	case http.MethodGet:
		a.list(w, r)
		return
	case http.MethodPost:
		x := a.read(r)
		x.ID = fmt.Sprintf("P%d", len(a.windows))
		a.windows = append(a.windows, x)
		w.WriteHeader(http.StatusCreated)
	case http.MethodPut:
		was := a.windows[at].Start
		x := a.read(r)
		if x.ID = id; !was.After(a.now) {
			x.Start = was // its beginning is over
		}
		a.windows[at] = x
	case http.MethodDelete:
		if !a.windows[at].End.After(a.now) {
			a.t.Errorf("%s has ended and is deleted", id)
		}
		if a.windows[at].Start.After(a.now) {
			a.windows = slices.Delete(a.windows, at, at+1)
		} else {
			a.windows[at].End = a.now
		}
		w.WriteHeader(http.StatusNoContent)
	}
	if a.lose {
		a.lose = false
		panic(http.ErrAbortHandler)
	}
}

func (a *account) read(r *http.Request) window {
	var b body
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&b); err != nil || b.Window == nil {
		a.t.Errorf("body: %v", err)
		return window{}
	}
	x := *b.Window
	if x.Type != "maintenance_window" || len(x.Services) == 0 || x.Services[0].Type != "service_reference" || x.Services[0].ID == "" || x.ID != "" {
		a.t.Errorf("window: %+v", x)
	}
	if x.Start.Before(a.now) {
		x.Start = a.now
	}
	if !x.End.After(a.now) || !x.End.After(x.Start) {
		a.t.Errorf("it ends at %s, which is not in the future and after its start", x.End)
	}
	return x
}

// list gives pages of two, whatever is asked for.
func (a *account) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	offset, err := strconv.Atoi(q.Get("offset"))
	if err != nil || q.Get("filter") != "open" {
		a.t.Errorf("query: %s", r.URL.RawQuery)
	}
	var open []window
	for _, x := range a.windows {
		if x.End.After(a.now) {
			open = append(open, x)
		}
	}
	page := open[min(offset/50, len(open)):min(offset/50+2, len(open))]
	_ = json.NewEncoder(w).Encode(map[string]any{"maintenance_windows": page, "more": offset/50+2 < len(open), "limit": 2, "offset": offset})
}

func (a *account) shown() (out []string) {
	for _, x := range a.windows {
		out = append(out, x.Start.Format("15:04")+"-"+x.End.Format("15:04")+" "+x.Description)
	}
	return out
}

var day = time.Date(2026, 12, 5, 0, 0, 0, 0, time.UTC)

func at(hour, minute int) time.Time {
	return day.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
}

func message(now time.Time, start string, expected time.Time, over bool) notify.Message {
	return notify.Message{
		Subject: "Upgrade", Link: "https://status.example.com/maintenance/pg17", Now: now,
		Notice: notify.Notice{Kind: notify.Mirror, Subject: "pg17", Over: over, Expected: expected, Window: maint.Window{Start: "2026-12-05 " + start, Zone: "UTC", Allow: 2 * time.Hour}},
	}
}

func setup(t *testing.T) (*account, *pagerduty.Windows) {
	a := &account{t: t, now: at(0, 0)}
	other := func(id, description string) window {
		return window{ID: id, Type: "maintenance_window", Start: at(1, 0), End: at(23, 0), Description: description}
	}
	a.windows = []window{
		other("O1", "ours by hand"), other("O2", "Upgrade https://status.example.com/maintenance/pg1"),
		other("O3", "Upgrade https://status.example.org/maintenance/pg17"), other("O4", "x https://status.example.com/maintenance/pg17 y"),
	}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	return a, &pagerduty.Windows{Client: netguard.New(netip.MustParsePrefix("127.0.0.0/8")).Client(), Server: server.URL, Token: "T0KEN", From: "ann@example.com", Services: []string{"PIJ90N7"}}
}

// A maintenance from its announcement to its end, each step twice: the second changes nothing.
func TestAWindowFollows(t *testing.T) {
	t.Parallel()
	a, w := setup(t)
	const name = " Upgrade https://status.example.com/maintenance/pg17"
	for _, step := range []struct {
		m    notify.Message
		want []string
	}{
		{message(at(0, 0), "04:00", time.Time{}, false), []string{"04:00-06:00" + name}},
		{message(at(1, 0), "08:00", time.Time{}, false), []string{"08:00-10:00" + name}},
		{message(at(9, 0), "08:00", at(11, 30), false), []string{"08:00-11:30" + name}},
		{message(at(10, 0), "08:00", at(12, 0), false), []string{"08:00-12:00" + name}},
		{message(at(10, 30), "08:00", at(10, 0), true), []string{"08:00-10:30" + name}},
		{message(at(13, 0), "08:00", at(12, 0), false), []string{"08:00-10:30" + name}}, // comes when it is over anyway
	} {
		for range 2 {
			a.now, a.requests = step.m.Now, nil
			if err := w.Send(t.Context(), step.m); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(step.want, a.shown()[4:]); diff != "" {
				t.Errorf("at %s -want +got\n%s", step.m.Now.Format("15:04"), diff)
			}
		}
		if slices.Contains(a.requests, http.MethodPost) || slices.Contains(a.requests, http.MethodPut) || slices.Contains(a.requests, http.MethodDelete) {
			t.Errorf("the second time: %v", a.requests)
		}
	}
}

func TestACancelledWindowIsGone(t *testing.T) {
	t.Parallel()
	a, w := setup(t)
	for _, over := range []bool{false, true, true} {
		if err := w.Send(t.Context(), message(at(0, 0), "04:00", time.Time{}, over)); err != nil {
			t.Fatal(err)
		}
	}
	if got := a.shown(); len(got) != 4 {
		t.Errorf("left: %v", got)
	}
}

// Whichever answer is lost, there is one window in the end.
func TestALostAnswer(t *testing.T) {
	t.Parallel()
	a, w := setup(t)
	for _, step := range []notify.Message{message(at(0, 0), "04:00", time.Time{}, false), message(at(1, 0), "08:00", time.Time{}, false), message(at(9, 0), "08:00", time.Time{}, true)} {
		a.now, a.lose = step.Now, true
		if err := w.Send(t.Context(), step); err == nil {
			t.Fatal("the answer came")
		}
		if err := w.Send(t.Context(), step); err != nil {
			t.Fatal(err)
		}
	}
	if got := a.shown()[4:]; len(got) != 1 || !strings.HasPrefix(got[0], "08:00-09:00 Upgrade") {
		t.Errorf("there is: %v", got)
	}
}
