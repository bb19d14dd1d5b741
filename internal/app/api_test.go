package app

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/auth"
	"github.com/lullhq/lull/internal/httpd"
	"github.com/lullhq/lull/internal/httpd/api"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/say"
	"github.com/lullhq/lull/internal/timeline"
)

var update = flag.Bool("update", false, "write docs/openapi.yaml anew")

// remote is Lull with a store of its own and the server before it, as programs elsewhere see it.
type remote struct {
	t      testing.TB
	app    *App
	server *httptest.Server
	tokens map[auth.Scope]string
	now    time.Time
}

// evening is when the tests play: an hour before the window of thePlan opens.
var evening = time.Date(2026, 12, 5, 3, 0, 0, 0, time.UTC)

const theConfig = `organization: Example
server: {url: https://status.example.com}
components:
  app: {name: App}
  sites: {name: Sites}
`

const thePlan = `maintenance: new-racks
title: New racks
summary: We move to new racks.
window: {start: 2026-12-05 17:00, zone: Pacific/Auckland, allow: 2h}
components: {app: under_maintenance}
steps:
  - wait: 1m
`

func newRemote(t testing.TB) *remote {
	t.Helper()
	file := filepath.Join(t.TempDir(), "lull.yaml")
	check(t, os.WriteFile(file, []byte(theConfig), 0o600))
	a, err := Open(t.Context(), file, "lull")
	check(t, err)
	t.Cleanup(func() { check(t, a.Close()) })
	r := &remote{t: t, app: a, tokens: map[auth.Scope]string{}, now: evening}
	a.now = func() time.Time { return r.now }
	for _, s := range auth.Scopes {
		issued, err := a.CreateToken(t.Context(), strings.ReplaceAll(string(s), ":", "-"), []auth.Scope{s}, 0)
		check(t, err)
		r.tokens[s] = issued.Secret
	}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	s := httpd.New(httpd.Options{Source: a.source(), Now: a.now, URL: a.Config.Server.URL, Log: quiet, API: a.api(quiet)})
	r.server = httptest.NewServer(s.Handler())
	t.Cleanup(r.server.Close)
	return r
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// reply is an answer, read whole.
type reply struct {
	code   int
	header http.Header
	body   []byte
}

// ask sends a request with a token of the given scope, "" without any. Headers come in pairs.
func (r *remote) ask(scope auth.Scope, method, path, body string, headers ...string) reply {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.server.URL+api.Root+path, strings.NewReader(body))
	check(r.t, err)
	if scope != "" {
		req.Header.Set("Authorization", "Bearer "+r.tokens[scope])
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	answer, err := r.server.Client().Do(req)
	check(r.t, err)
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	check(r.t, err)
	return reply{answer.StatusCode, answer.Header, b}
}

// want demands a status, and gives the answer's JSON.
func (r *remote) want(got reply, code int) map[string]any {
	r.t.Helper()
	if got.code != code {
		r.t.Fatalf("answered %d, want %d: %s", got.code, code, got.body)
	}
	var out map[string]any
	if strings.HasSuffix(strings.Split(got.header.Get("Content-Type"), ";")[0], "json") {
		check(r.t, json.Unmarshal(got.body, &out))
	}
	return out
}

func (r *remote) announce(plan string) map[string]any {
	r.t.Helper()
	return r.want(r.ask(auth.Maintenances, "POST", "/maintenances", plan, "Content-Type", "application/yaml"), 200)
}

func TestAPIIncidentFromOpeningToPostMortem(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	opened := r.ask(auth.Incidents, "POST", "/incidents", `{"name":"slow-search","title":"Slow search","text":"We are **looking**.","severity":"major","components":{"app":"degraded_performance"}}`)
	body := r.want(opened, 201)
	if diff := cmp.Diff(map[string]any{"text": "It is on the status page.", "url": "https://status.example.com/incidents/slow-search", "changed": true, "version": 1.0}, body); diff != "" {
		t.Error(diff)
	}
	if got := opened.header.Get("ETag"); got != `"1"` {
		t.Errorf("ETag %s", got)
	}
	r.now = r.now.Add(10 * time.Minute)
	r.want(r.ask(auth.Incidents, "POST", "/incidents/slow-search/updates", `{"text":"A disk is full.","status":"identified"}`), 200)
	r.want(r.ask(auth.Incidents, "PUT", "/incidents/slow-search/postmortem", `{"text":"Too early."}`), 409)
	r.now = r.now.Add(10 * time.Minute)
	r.want(r.ask(auth.Incidents, "POST", "/incidents/slow-search/updates", `{"text":"It is over.","status":"resolved"}`), 200)
	r.want(r.ask(auth.Incidents, "PUT", "/incidents/slow-search/postmortem", `{"text":"A disk was full."}`), 200)
	again := r.want(r.ask(auth.Incidents, "PUT", "/incidents/slow-search/postmortem", `{"text":"A disk was full."}`), 200)
	if again["changed"] != false || again["version"] != 4.0 {
		t.Errorf("the same again: %v", again)
	}
	read := r.ask(auth.Read, "GET", "/incidents/slow-search", "")
	var got api.Incident
	r.want(read, 200)
	check(t, json.Unmarshal(read.body, &got))
	if got.Status != maint.PostMortem || got.Open || got.PostMortem != "A disk was full." || len(got.Updates) != 4 || !got.Resolved.Equal(evening.Add(20*time.Minute)) {
		t.Errorf("%+v", got)
	}
	if read.header.Get("ETag") != `"4"` {
		t.Errorf("ETag %s", read.header.Get("ETag"))
	}
	list := r.want(r.ask(auth.Read, "GET", "/incidents", ""), 200)
	if n := len(list["incidents"].([]any)); n != 1 {
		t.Errorf("%d incidents are listed", n)
	}
}

func TestAPIComponents(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	status := func() string {
		list := r.want(r.ask(auth.Read, "GET", "/components", ""), 200)
		return list["components"].([]any)[0].(map[string]any)["status"].(string)
	}
	r.want(r.ask(auth.Components, "PUT", "/components/app/status", `{"status":"partial_outage","text":"Uploads are off."}`), 200)
	if got := status(); got != "partial_outage" {
		t.Errorf("it is %s", got)
	}
	r.want(r.ask(auth.Components, "DELETE", "/components/app/status", ""), 200)
	if got := status(); got != "operational" {
		t.Errorf("it is %s", got)
	}
	r.want(r.ask(auth.Components, "PUT", "/components/none/status", `{"status":"partial_outage"}`), 404)
	r.want(r.ask(auth.Components, "DELETE", "/components/none/status", ""), 404)
}

func TestAPIChanges(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	const post = `{"title":"Dark mode","text":"It is **dark**.","labels":["app"]}`
	if got := r.want(r.ask(auth.Changes, "PUT", "/changes/dark-mode", post), 200); got["url"] != "https://status.example.com/changes/dark-mode" {
		t.Errorf("%v", got)
	}
	if got := r.want(r.ask(auth.Changes, "PUT", "/changes/dark-mode", post), 200); got["changed"] != false {
		t.Errorf("the same again: %v", got)
	}
	if got := r.want(r.ask(auth.Read, "GET", "/changes/dark-mode", ""), 200); got["title"] != "Dark mode" {
		t.Errorf("%v", got)
	}
	hidden := `{"title":"New racks","text":"They are new.","maintenance":"new-racks"}`
	r.want(r.ask(auth.Changes, "PUT", "/changes/racks", hidden), 422)
	r.announce(thePlan)
	r.want(r.ask(auth.Changes, "PUT", "/changes/racks", hidden), 200)
	r.want(r.ask(auth.Changes, "DELETE", "/changes/dark-mode", ""), 200)
	r.want(r.ask(auth.Read, "GET", "/changes/dark-mode", ""), 404)
	r.want(r.ask(auth.Changes, "DELETE", "/changes/none", ""), 404)
	list := r.want(r.ask(auth.Read, "GET", "/changes", ""), 200)
	if n := len(list["changes"].([]any)); n != 1 {
		t.Errorf("%d posts are listed", n)
	}
}

func TestAPIMaintenanceIsAnnouncedMovedAndCancelled(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	if got := r.announce(thePlan); got["text"] != "New racks is announced for "+windowText(maint.Window{Start: "2026-12-05 17:00", Zone: "Pacific/Auckland", Allow: 2 * time.Hour})+"." {
		t.Errorf("%v", got)
	}
	if got := r.announce(thePlan); got["changed"] != false {
		t.Errorf("the same again: %v", got)
	}
	r.announce(strings.Replace(thePlan, "12-05", "12-06", 1))
	got := r.want(r.ask(auth.Read, "GET", "/maintenances/new-racks", ""), 200)
	if got["state"] != "scheduled" || got["window"].(map[string]any)["start"] != "2026-12-06T04:00:00Z" {
		t.Errorf("%v", got)
	}
	r.want(r.ask(auth.Maintenances, "POST", "/maintenances/new-racks/cancel", ""), 200)
	if got := r.want(r.ask(auth.Maintenances, "POST", "/maintenances/new-racks/cancel", `{}`), 200); got["changed"] != false {
		t.Errorf("cancelled twice: %v", got)
	}
	if got := r.want(r.ask(auth.Read, "GET", "/maintenances", ""), 200); got["maintenances"].([]any)[0].(map[string]any)["state"] != "cancelled" {
		t.Errorf("%v", got)
	}
	r.want(r.ask(auth.Maintenances, "POST", "/maintenances", thePlan, "Content-Type", "application/yaml"), 409)
}

// What has begun is taken back where it runs, and a run that holds the lease may begin at any moment.
func TestAPICancelsOnlyWhatHasNotBegun(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	r.want(r.ask(auth.Maintenances, "POST", "/maintenances/new-racks/cancel", ""), 404)
	r.want(r.ask(auth.Maintenances, "POST", "/maintenances/..%2Fescape/cancel", ""), 404)
	r.announce(thePlan)
	lease, err := r.app.store.Acquire(t.Context(), "new-racks")
	check(t, err)
	held := r.want(r.ask(auth.Maintenances, "POST", "/maintenances/new-racks/cancel", ""), 409)
	if !strings.Contains(held["hint"].(string), "lull abort") {
		t.Errorf("%v", held)
	}
	check(t, r.app.store.Release(t.Context(), lease))
	r.say("new-racks", maint.Started{Text: "The work has begun."})
	r.want(r.ask(auth.Maintenances, "POST", "/maintenances/new-racks/cancel", ""), 409)
}

// say puts events on the record as a run does.
func (r *remote) say(id maint.ID, events ...maint.Event) {
	r.t.Helper()
	for _, e := range events {
		_, err := r.app.store.Append(r.t.Context(), id, timeline.AnyVersion, timeline.Draft{At: r.now, Event: e})
		check(r.t, err)
	}
}

// A plan that is sent is refused as one that is typed.
func TestAPIRefusesAPlanWithItsPlaces(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	plan := strings.Replace(strings.Replace(thePlan, "title:", "titel:", 1), "{app: under", "{ap: under", 1)
	got := r.ask(auth.Maintenances, "POST", "/maintenances", plan, "Content-Type", "application/yaml")
	r.want(got, 422)
	var p api.Problem
	check(t, json.Unmarshal(got.body, &p))
	if len(p.Errors) != 2 || p.Errors[0].Line != 2 || p.Errors[0].Column != 1 || p.Errors[0].Hint != `did you mean "title"?` || p.Errors[1].Line != 5 {
		t.Errorf("%+v", p)
	}
	over := strings.Replace(thePlan, "2026-12-05", "2026-12-01", 1)
	if got := r.want(r.ask(auth.Maintenances, "POST", "/maintenances", over, "Content-Type", "application/yaml"), 422); !strings.Contains(got["hint"].(string), "a window in the future") {
		t.Errorf("%v", got)
	}
	r.want(r.ask(auth.Maintenances, "POST", "/maintenances", thePlan, "Content-Type", "application/json"), 415)
	r.want(r.ask(auth.Maintenances, "POST", "/maintenances", "#"+strings.Repeat("x", 1<<20), "Content-Type", "application/yaml"), 413)
	if entries, err := r.app.store.Read(t.Context(), 0, 10); err != nil || len(entries) != 0 {
		t.Errorf("something was said: %v, %v", entries, err)
	}
}

func TestAPIRequestsWithAKeyAreCarriedOutOnce(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	const open = `{"name":"slow-search","title":"Slow search","text":"We are looking."}`
	key := []string{"Idempotency-Key", "6f1c2b7e"}
	first := r.ask(auth.Incidents, "POST", "/incidents", open, key...)
	r.want(first, 201)
	r.want(r.ask(auth.Incidents, "POST", "/incidents/slow-search/updates", `{"text":"A disk is full."}`), 200)
	if again := r.ask(auth.Incidents, "POST", "/incidents", open, key...); again.code != 201 || !bytes.Equal(again.body, first.body) {
		t.Errorf("the same request again: %d %s, and at first %s", again.code, again.body, first.body)
	}
	r.want(r.ask(auth.Incidents, "POST", "/incidents", open), 409)
	other := strings.Replace(open, "looking", "searching", 1)
	if got := r.want(r.ask(auth.Incidents, "POST", "/incidents", other, key...), 422); got["detail"] != say.ErrKeyUsed.Error() {
		t.Errorf("%v", got)
	}
	// Without a key the same words are said again, with one they are not.
	for range 3 {
		r.want(r.ask(auth.Incidents, "POST", "/incidents/slow-search/updates", `{"text":"Still looking."}`, "Idempotency-Key", "77"), 200)
	}
	past, err := r.app.History(t.Context(), maint.IncidentID("slow-search"))
	if err != nil || len(past) != 3 {
		t.Errorf("%d entries, %v", len(past), err)
	}
	r.want(r.ask(auth.Incidents, "POST", "/incidents", open, "Idempotency-Key", "a key#"), 422)
}

func TestAPIRequestsOfAnOldStateAreRefused(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	r.want(r.ask(auth.Incidents, "POST", "/incidents", `{"name":"slow-search","title":"Slow search","text":"We are looking."}`), 201)
	tag := r.ask(auth.Read, "GET", "/incidents/slow-search", "").header.Get("ETag")
	r.want(r.ask(auth.Incidents, "POST", "/incidents/slow-search/updates", `{"text":"A disk is full."}`, "If-Match", tag), 200)
	got := r.want(r.ask(auth.Incidents, "POST", "/incidents/slow-search/updates", `{"text":"Nothing found."}`, "If-Match", tag), 412)
	if got["hint"] == nil || got["status"] != 412.0 {
		t.Errorf("%v", got)
	}
	r.want(r.ask(auth.Incidents, "POST", "/incidents/slow-search/updates", `{"text":"Nothing found."}`, "If-Match", "*"), 200)
	r.want(r.ask(auth.Incidents, "POST", "/incidents/slow-search/updates", `{"text":"Nothing found."}`, "If-Match", `"x"`), 412)
}

func TestAPIRecordIsReadPieceByPiece(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	r.announce(thePlan)
	r.say("new-racks", maint.Started{Text: "The work has begun."}, maint.Noted{Step: "wait", Text: "a private word"}, maint.StepStarted{Step: "wait", Title: "Wait"})
	r.say("a-draft", maint.Updated{Text: "Of a draft."})
	r.want(r.ask(auth.Changes, "PUT", "/changes/dark-mode", `{"title":"Dark mode","text":"It is dark."}`), 200)
	read := func(scope auth.Scope, path string) (kinds []string) {
		for after := 0.0; ; {
			got := r.want(r.ask(scope, "GET", fmt.Sprintf("%s?limit=2&after=%.0f", path, after), ""), 200)
			for _, e := range got["entries"].([]any) {
				kinds = append(kinds, e.(map[string]any)["kind"].(string))
			}
			if got["next"] == after {
				return kinds
			}
			after = got["next"].(float64)
		}
	}
	if diff := cmp.Diff([]string{"scheduled", "started", "change_posted"}, read(auth.Read, "/timeline")); diff != "" {
		t.Error(diff)
	}
	all := []string{"scheduled", "started", "noted", "step_started", "updated", "change_posted"}
	if diff := cmp.Diff(all, read(auth.ReadPrivate, "/record")); diff != "" {
		t.Error(diff)
	}
	one := r.want(r.ask(auth.ReadPrivate, "GET", "/record?subject=change/dark-mode", ""), 200)
	if n := len(one["entries"].([]any)); n != 1 {
		t.Errorf("%d entries", n)
	}
	report := r.ask(auth.ReadPrivate, "GET", "/maintenances/new-racks/report", "")
	r.want(report, 200)
	if !bytes.HasPrefix(report.body, []byte("---\n")) || !strings.HasPrefix(report.header.Get("Content-Type"), "text/markdown") {
		t.Errorf("%s %s", report.header.Get("Content-Type"), report.body)
	}
	r.want(r.ask(auth.ReadPrivate, "GET", "/maintenances/none/report", ""), 404)
	r.want(r.ask(auth.ReadPrivate, "GET", "/maintenances/change%2Fdark-mode/report", ""), 404)
	r.want(r.ask(auth.ReadPrivate, "GET", "/record?limit=501", ""), 422)
	r.want(r.ask(auth.ReadPrivate, "GET", "/record?afer=1", ""), 422)
	status := r.want(r.ask(auth.Read, "GET", "/status", ""), 200)
	if n := len(status["maintenances"].([]any)); n != 1 {
		t.Errorf("%v", status)
	}
}
