package opsgenie_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/netguard"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/notify/opsgenie"
)

type maintenance struct {
	ID          string `json:"id,omitempty"`
	Status      string `json:"status,omitempty"`
	Description string `json:"description"`
	Time        struct {
		Type  string    `json:"type"`
		Start time.Time `json:"startDate"`
		End   time.Time `json:"endDate"`
	} `json:"time"`
	Rules []struct {
		State  string `json:"state"`
		Entity struct {
			ID   string `json:"id"`
			Type string `json:"type"`
		} `json:"entity"`
	} `json:"rules,omitempty"`
}

// account is what Opsgenie documents of maintenances (opsgenie-oas, definitions/maintenance.yaml and paths/maintenance.yaml).
type account struct {
	t    *testing.T
	mu   sync.Mutex
	now  time.Time
	list []maintenance
	lose bool // the next change is made, and its answer is lost
}

func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.Header.Get("Authorization") != "GenieKey T0KEN" {
		a.t.Errorf("headers: %v", r.Header)
	}
	for i := range a.list {
		a.list[i].Status = a.status(a.list[i])
	}
	rest, found := strings.CutPrefix(r.URL.Path, "/v1/maintenance")
	id, cancel := strings.CutSuffix(strings.TrimPrefix(rest, "/"), "/cancel")
	at := slices.IndexFunc(a.list, func(x maintenance) bool { return x.ID == id })
	switch {
	case !found || id != "" && at < 0:
		a.t.Errorf("%s %s", r.Method, r.URL)
	case r.Method == http.MethodGet && r.URL.RawQuery == "type=non-expired":
		open := slices.DeleteFunc(slices.Clone(a.list), func(x maintenance) bool { return x.Status == "past" })
		for i := range open {
			open[i].Rules = nil // the list has none
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"data": open, "took": 0.1, "requestId": "x"})
		return
	case r.Method == http.MethodPost && id == "":
		x := a.read(r)
		x.ID = fmt.Sprintf("M%d", len(a.list))
		a.list = append(a.list, x)
		w.WriteHeader(http.StatusCreated)
	case r.Method == http.MethodPut:
		x := a.read(r)
		x.ID = id
		a.list[at] = x
	case r.Method == http.MethodPost && cancel:
		if s := a.list[at].Status; s != "active" && s != "planned" {
			a.t.Errorf("%s is %s and is cancelled", id, s)
		}
		a.list[at].Status = "cancelled"
	default:
		a.t.Errorf("%s %s", r.Method, r.URL)
	}
	if a.lose {
		a.lose = false
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write([]byte(`{"result":"ok"}`))
}

func (a *account) status(x maintenance) string {
	switch {
	case x.Status == "cancelled":
		return x.Status
	case x.Time.Start.After(a.now):
		return "planned"
	case x.Time.End.After(a.now):
		return "active"
	}
	return "past"
}

func (a *account) read(r *http.Request) (x maintenance) {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&x); err != nil {
		a.t.Errorf("body: %v", err)
	}
	if x.Time.Type != "schedule" || !x.Time.End.After(x.Time.Start) || len(x.Rules) == 0 || x.ID != "" || x.Status != "" {
		a.t.Errorf("maintenance: %+v", x)
	}
	for _, rule := range x.Rules {
		if rule.Entity.ID == "" || rule.State+rule.Entity.Type != "disabledintegration" && rule.State+rule.Entity.Type != "enabledpolicy" {
			a.t.Errorf("rule: %+v", rule)
		}
	}
	return x
}

func (a *account) shown() (out []string) {
	for _, x := range a.list[1:] {
		out = append(out, x.Time.Start.Format("15:04")+"-"+x.Time.End.Format("15:04")+" "+a.status(x)+" "+x.Description)
	}
	return out
}

var day = time.Date(2026, 12, 5, 0, 0, 0, 0, time.UTC)

func at(hour int) time.Time { return day.Add(time.Duration(hour) * time.Hour) }

func message(now time.Time, start string, expected time.Time, over bool) notify.Message {
	return notify.Message{
		Subject: "Upgrade", Link: "https://status.example.com/maintenance/pg17", Now: now,
		Notice: notify.Notice{Kind: notify.Mirror, Subject: "pg17", Over: over, Expected: expected, Window: maint.Window{Start: "2026-12-05 " + start, Zone: "UTC", Allow: 2 * time.Hour}},
	}
}

// A maintenance from its announcement to its end, each step with its answer lost, and then once more.
func TestAMaintenanceFollows(t *testing.T) {
	t.Parallel()
	a := &account{t: t, list: []maintenance{{ID: "O", Description: "Upgrade https://status.example.com/maintenance/pg1"}}}
	a.list[0].Time.End = at(23)
	server := httptest.NewServer(a)
	defer server.Close()
	c := &opsgenie.Maintenances{Client: netguard.New(netip.MustParsePrefix("127.0.0.0/8")).Client(), Server: server.URL, Key: "T0KEN", Integrations: []string{"i1"}, Policies: []string{"p1"}}
	const name = " Upgrade https://status.example.com/maintenance/pg17"
	for _, step := range []struct {
		m    notify.Message
		want string
	}{
		{message(at(0), "04:00", time.Time{}, false), "04:00-06:00 planned" + name},
		{message(at(1), "08:00", time.Time{}, false), "08:00-10:00 planned" + name},
		{message(at(9), "08:00", at(12), false), "08:00-12:00 active" + name},
		{message(at(10), "08:00", time.Time{}, true), "08:00-12:00 cancelled" + name},
	} {
		a.now, a.lose = step.m.Now, true
		if err := c.Send(t.Context(), step.m); err == nil {
			t.Fatal("the answer came")
		}
		if err := c.Send(t.Context(), step.m); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{step.want}, a.shown()); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
	if a.status(a.list[0]) != "active" {
		t.Error("another one was changed")
	}
}
