package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/say"
)

// listener is a real server that keeps what it is told.
type listener struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []map[string]any
	status int
}

func newListener(t *testing.T) *listener {
	t.Helper()
	l := &listener{status: http.StatusOK}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		body := map[string]any{}
		if err := json.Unmarshal(data, &body); err != nil {
			t.Error(err)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.status == http.StatusOK {
			l.bodies = append(l.bodies, body)
		}
		w.WriteHeader(l.status)
	}))
	t.Cleanup(l.Close)
	return l
}

// types are what came, in order.
func (l *listener) types() (out []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.bodies {
		out = append(out, fmt.Sprint(b["type"]))
	}
	return out
}

const plainPlan = `maintenance: pg17
title: Database upgrade
summary: We move our database to PostgreSQL 17.
window: {start: 2026-12-05 17:00, zone: Pacific/Auckland, allow: 2h}
components: {app: under_maintenance}
%s
steps: [{wait: 1s}]
`

func planFile(t *testing.T, dir, lines string) string {
	t.Helper()
	file := filepath.Join(dir, "plan.yaml")
	if err := os.WriteFile(file, []byte(fmt.Sprintf(plainPlan, lines)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// tellsAll sends what is due at that moment.
func tellsAll(t *testing.T, a *App) {
	t.Helper()
	s, err := a.sender(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	lease, err := a.store.Acquire(t.Context(), sending)
	if err != nil {
		t.Fatal(err)
	}
	defer release(context.Background(), a.store, lease)
	if err := s.Work(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
}

func at(s string) func() time.Time {
	return func() time.Time {
		t, err := time.Parse("2006-01-02 15:04", s)
		if err != nil {
			panic(err)
		}
		return t
	}
}

func appFor(t *testing.T, lines string) (*App, string) {
	t.Helper()
	dir := t.TempDir()
	return opened(t, dir, "components: {app: {name: App}, api: {name: API}}\n"+lines), dir
}

// From a plan to what a program elsewhere gets, and to the report of it.
func TestPeopleAreTold(t *testing.T) {
	t.Parallel()
	l := newListener(t)
	a, dir := appFor(t, fmt.Sprintf("notices: {private: [127.0.0.0/8]}\nchannels: {ops: {webhook: {url: %q}}, page: {webhook: {url: %q, body: statuspage}}}\n", l.URL, l.URL))
	plan := planFile(t, dir, "notices: [7d, 1d]")
	a.now = at("2026-11-20 00:00")
	if _, err := a.Schedule(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	tellsAll(t, a)
	if got := l.types(); len(got) != 0 {
		t.Fatalf("two weeks before: %v", got)
	}
	a.now = at("2026-11-28 04:00")
	tellsAll(t, a)
	tellsAll(t, a)
	a.now = at("2026-12-01 00:00")
	if _, err := a.CancelMaintenance(t.Context(), say.Cancel{Maintenance: "pg17"}); err != nil {
		t.Fatal(err)
	}
	tellsAll(t, a)
	a.now = at("2026-12-06 00:00")
	tellsAll(t, a)
	got := strings.Join(l.types(), " ")
	if n := strings.Count(got, "maintenance.ahead"); n != 1 || strings.Count(got, "maintenance.cancelled") != 1 || strings.Count(got, "<nil>") != 2 {
		t.Errorf("came: %s", got)
	}
	for _, b := range l.bodies {
		if incident, ok := b["incident"].(map[string]any); ok && incident["name"] != "Database upgrade" {
			t.Errorf("Statuspage's body: %v", b)
		}
	}
	r, err := a.Report(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range [][]byte{r.Markdown, r.Public} {
		if !strings.Contains(string(text), "| 7 days before | 28 Nov 2026, 17:00 NZDT | ops | 1 |") || !strings.Contains(string(text), "| cancelled |") {
			t.Errorf("the report does not say so:\n%s", text)
		}
	}
}

func TestADeadLetterIsTriedAgain(t *testing.T) {
	t.Parallel()
	l := newListener(t)
	l.status = http.StatusGone
	a, dir := appFor(t, fmt.Sprintf("notices: {private: [127.0.0.0/8]}\nchannels: {ops: {webhook: {url: %q}}}\n", l.URL+"/T0KEN"))
	a.now = at("2026-12-01 00:00")
	if _, err := a.Schedule(t.Context(), planFile(t, dir, "notices: [7d]")); err != nil {
		t.Fatal(err)
	}
	tellsAll(t, a)
	dead, err := a.Deliveries(t.Context(), notify.Page{States: []notify.State{notify.Dead}})
	if err != nil || len(dead) != 1 || !strings.Contains(dead[0].Reason, "127.0.0.1 answered 410 Gone") || strings.Contains(dead[0].Reason, "T0KEN") {
		t.Fatalf("dead: %+v, %v", dead, err)
	}
	l.status = http.StatusOK
	if err := a.RetryDelivery(t.Context(), dead[0].ID); err != nil {
		t.Fatal(err)
	}
	tellsAll(t, a)
	if got := l.types(); len(got) != 1 {
		t.Errorf("came: %v", got)
	}
	if err := a.RetryDelivery(t.Context(), dead[0].ID); hint.Of(err) == "" {
		t.Errorf("of one that was sent: %v", err)
	}
}

func TestPolicyOfNotices(t *testing.T) {
	t.Parallel()
	const policy = "notices: {policy: {under_maintenance: [7d, 1d]}}\n"
	for name, tt := range map[string]struct{ now, plan, blocked, warned string }{
		"in time, by the policy's own":      {now: "2026-11-01 00:00"},
		"in time, with more":                {now: "2026-11-01 00:00", plan: "notices: [14d, 7d, 1d, end]"},
		"too late":                          {now: "2026-12-01 00:00", blocked: "notice-too-late blocker people are to hear of it 7d before the start, which was at 2026-11-28 17:00 NZDT"},
		"lacking":                           {now: "2026-11-01 00:00", plan: "notices: [7d]", blocked: "notices-lacking blocker lull.yaml asks for notices that the plan does not have, for what is under_maintenance: 1d"},
		"too late, and somebody decided so": {now: "2026-12-01 00:00", plan: "short_notice: {by: Kiri, why: A security fix.}", warned: "Kiri has decided so: A security fix."},
		"another impact has another policy": {now: "2026-12-01 00:00", plan: "# {app: operational}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, dir := appFor(t, policy)
			a.now = at(tt.now)
			file := planFile(t, dir, tt.plan)
			if strings.HasPrefix(tt.plan, "#") {
				text, _ := os.ReadFile(file)
				_ = os.WriteFile(file, []byte(strings.Replace(string(text), "app: under_maintenance", "app: degraded_performance", 1)), 0o600)
			}
			r, err := a.Check(t.Context(), file, CheckOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var text string
			for _, f := range r.Findings {
				if f.Severity == checks.Note { // of a machine without dictionaries
					continue
				}
				text += f.ID + " " + string(f.Severity) + " " + f.Text + " " + f.Fix + "\n"
			}
			if (r.Blockers() > 0) != (tt.blocked != "") || !strings.Contains(text, tt.blocked) || !strings.Contains(text, tt.warned) || tt.blocked+tt.warned == "" && text != "" {
				t.Errorf("found: %s", text)
			}
			_, err = a.Schedule(t.Context(), file)
			if (err != nil) != (tt.blocked != "") || err != nil && hint.Of(err) == "" {
				t.Errorf("schedule: %v", err)
			}
			if tt.warned != "" {
				if r, err := a.Report(t.Context(), file); err != nil || !strings.Contains(string(r.Markdown), "Short notice was decided by Kiri") || strings.Contains(string(r.Public), "Kiri") {
					t.Errorf("the report does not say who decided so to us alone: %v\n%s", err, r.Markdown)
				}
			}
			if err == nil { // what was announced in time stays so
				a.now = at("2026-12-03 00:00")
				if r, err := a.Check(t.Context(), file, CheckOptions{}); err != nil || r.Blockers() > 0 {
					t.Errorf("two days before: %+v, %v", r, err)
				}
			}
		})
	}
}

func TestPreview(t *testing.T) {
	t.Parallel()
	a, dir := appFor(t, "notices: {words: words}\nchannels: {ops: {language: de, zone: Europe/Berlin, webhook: {url: https://example.com/}}}\n")
	a.now = at("2026-11-01 00:00")
	file := planFile(t, dir, "notices: [7d, start, late]")
	if _, err := a.PreviewNotices(file, "", ""); hint.Of(err) == "" {
		t.Errorf("without the folder: %v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "words"), 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "words", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("start.de.ops.txt", "Es geht los: {title}\n\n{when}\n")
	list, err := a.PreviewNotices(file, "ops", "")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, p := range list {
		lines = append(lines, p.Moment+" "+p.Subject)
	}
	want := "7d Geplante Wartung am 5. Dez. 2026: Database upgrade\nstart Es geht los: Database upgrade\nlate Wartung dauert länger: Database upgrade\nextended Wartung verlängert: Database upgrade\nend Wartung abgeschlossen: Database upgrade\n" +
		"rescheduled Wartung auf den 5. Dez. 2026 verschoben: Database upgrade\ncancelled Wartung abgesagt: Database upgrade\ncancelled Wartung rückgängig gemacht: Database upgrade"
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s", got)
	}
	if !strings.Contains(list[0].Text, "05:00 bis 07:00 Ortszeit Berlin") {
		t.Errorf("the time is not the reader's: %s", list[0].Text)
	}
	for name, text := range map[string]string{"begin.de.txt": "a\n\nb", "end.de.txt": "a\n\n{secret}"} {
		write(name, text)
		if _, err := a.PreviewNotices(file, "ops", ""); hint.Of(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
		_ = os.Remove(filepath.Join(dir, "words", name))
	}
}

// More time is given while the work goes on: by the same command, told once, and nothing else can be changed.
func TestMoreTimeIsTold(t *testing.T) {
	t.Parallel()
	l := newListener(t)
	a, dir := appFor(t, fmt.Sprintf("notices: {private: [127.0.0.0/8], policy: {under_maintenance: [7d]}}\nchannels: {ops: {webhook: {url: %q}}}\n", l.URL))
	a.now = at("2026-11-20 00:00")
	file := planFile(t, dir, "")
	schedule := func() say.Said {
		t.Helper()
		s, err := a.Schedule(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	schedule()
	a.now = at("2026-11-28 04:00")
	tellsAll(t, a)
	a.now = at("2026-12-05 04:30")
	if err := a.put(t.Context(), "pg17", maint.Started{Text: "The work has begun."}); err != nil {
		t.Fatal(err)
	}
	edit(t, file, "allow: 2h", "allow: 3h")
	if s := schedule(); len(s.Entries) != 1 || !strings.Contains(s.Text, "20:00") {
		t.Errorf("said: %+v", s)
	}
	if s := schedule(); len(s.Entries) != 0 {
		t.Errorf("said again: %+v", s)
	}
	tellsAll(t, a)
	if got := strings.Join(l.types(), " "); got != "maintenance.ahead maintenance.extended" {
		t.Errorf("came: %s", got)
	}
	edit(t, file, "Database upgrade", "Something else")
	if _, err := a.Schedule(t.Context(), file); !errors.Is(err, maint.ErrState) || hint.Of(err) == "" {
		t.Errorf("another plan: %v", err)
	}
	page, err := a.Page(t.Context())
	if err != nil || len(page.Running) != 1 || page.Running[0].Window.Allow != 3*time.Hour || page.Running[0].Title != "Database upgrade" {
		t.Errorf("the page: %+v, %v", page.Running, err)
	}
}

// A run on a machine without the server writes down what is to be told; the server sends it.
func TestARunTellsThroughTheStore(t *testing.T) {
	t.Parallel()
	l := newListener(t)
	a, dir := appFor(t, fmt.Sprintf("notices: {private: [127.0.0.0/8]}\nchannels: {ops: {webhook: {url: %q}}}\n", l.URL))
	now := time.Date(2026, 12, 5, 4, 0, 0, 0, time.UTC)
	a.now = func() time.Time { return now.Add(-time.Hour) }
	file := planFile(t, dir, "notices: [1h, start, end]")
	if _, err := a.Schedule(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	tellsAll(t, a)
	a.now = func() time.Time { return now }
	if _, err := a.Run(t.Context(), file, RunOptions{}); err != nil {
		t.Fatal(err)
	}
	tellsAll(t, a)
	if got := strings.Join(l.types(), " "); got != "maintenance.ahead maintenance.end" {
		t.Errorf("came: %s", got)
	}
	list, err := a.Deliveries(t.Context(), notify.Page{States: []notify.State{notify.Overtaken}})
	if err != nil || len(list) != 1 || list[0].Notice.Kind != notify.Started {
		t.Errorf("overtaken: %+v, %v", list, err)
	}
	entries, err := a.store.History(t.Context(), maint.NoticesID("pg17"))
	if err != nil || len(entries) != 2 {
		t.Errorf("on record: %+v, %v", entries, err)
	}
}

// A server that answers 500 for a while gets one message in the end, by a channel that cannot tell.
func TestAChatIsToldOnce(t *testing.T) {
	t.Parallel()
	l := newListener(t)
	l.status = http.StatusInternalServerError
	a, dir := appFor(t, "notices: {private: [127.0.0.0/8]}\nchannels: {team: {slack: {url_file: hook}}}\n")
	if err := os.WriteFile(filepath.Join(dir, "hook"), []byte(l.URL+"/services/T0KEN\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	now := at("2026-12-01 00:00")()
	a.now = func() time.Time { return now }
	if _, err := a.Schedule(t.Context(), planFile(t, dir, "notices: [7d]")); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		tellsAll(t, a)
		now = now.Add(time.Hour)
	}
	l.status = http.StatusOK
	for range 3 {
		tellsAll(t, a)
		now = now.Add(time.Hour)
	}
	list, err := a.Deliveries(t.Context(), notify.Page{})
	if err != nil || len(list) != 1 || list[0].State != notify.Sent || list[0].Attempts != 4 || list[0].Twice || len(l.bodies) != 1 {
		t.Errorf("%d came; %+v, %v", len(l.bodies), list, err)
	}
}

// A maintenance window at a real server follows the plan, whatever notices the plan has.
func TestAWindowElsewhereFollows(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var came []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, `{"data": []}`)
			return
		}
		came = append(came, string(body))
		w.WriteHeader(http.StatusCreated)
	}))
	defer server.Close()
	a, dir := appFor(t, fmt.Sprintf("notices: {private: [127.0.0.0/8]}\nchannels: {genie: {opsgenie: {key_file: key, integrations: [i1], url: %q}}}\n", server.URL))
	if err := os.WriteFile(filepath.Join(dir, "key"), []byte("T0KEN\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a.now = at("2026-11-01 00:00")
	if _, err := a.Schedule(t.Context(), planFile(t, dir, "")); err != nil {
		t.Fatal(err)
	}
	tellsAll(t, a)
	if len(came) != 1 || !strings.Contains(came[0], `"startDate":"2026-12-05T04:00:00Z","endDate":"2026-12-05T06:00:00Z"`) || !strings.Contains(came[0], "/maintenance/pg17") {
		t.Errorf("came: %v", came)
	}
	list, err := a.Deliveries(t.Context(), notify.Page{States: []notify.State{notify.Sent}})
	if err != nil || len(list) != 1 || list[0].Notice.Kind != notify.Mirror {
		t.Errorf("sent: %+v, %v", list, err)
	}
}

// A program that announces with a key of its own leaves the same on record as a person, and again changes nothing.
func TestShortNoticeByAProgram(t *testing.T) {
	t.Parallel()
	a, dir := appFor(t, "notices: {policy: {under_maintenance: [7d]}}\n")
	a.now = at("2026-12-01 00:00")
	text, err := os.ReadFile(planFile(t, dir, "short_notice: {by: Kiri, why: A security fix.}"))
	if err != nil {
		t.Fatal(err)
	}
	plan := say.Plan{YAML: text, Terms: say.Terms{Key: "k", Print: "p"}}
	for range 2 {
		if _, s, err := a.Announce(t.Context(), plan); err != nil || len(s.Entries) != 2 {
			t.Fatalf("%+v, %v", s, err)
		}
	}
	plan.Print = "q"
	if _, _, err := a.Announce(t.Context(), plan); !errors.Is(err, say.ErrKeyUsed) {
		t.Errorf("another request with that key: %v", err)
	}
	if past, err := a.history(t.Context(), "pg17"); err != nil || len(past) != 2 {
		t.Errorf("on record: %+v, %v", past, err)
	}
	if _, err := a.CancelMaintenance(t.Context(), say.Cancel{Maintenance: "pg17", Text: "We try again tomorrow."}); hint.Of(err) == "" {
		t.Errorf("tomorrow: %v", err)
	}
}
