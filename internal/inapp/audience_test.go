package inapp

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/timeline"
	"github.com/lullhq/lull/internal/view"
)

// The window of every test: an hour from now.
var plan = maint.Scheduled{Title: "Upgrade", Window: maint.Window{Start: "2026-12-05 18:00", Zone: "Pacific/Auckland", Allow: time.Hour}, Notices: []string{"7d", "1d", "start"}}

// told folds a record into the page at an instant, and follows it to the notices whose time has come.
type told struct {
	at    time.Time
	event maint.Public
}

func world(t *testing.T, when time.Time, record ...told) ([]notify.Notice, view.PageModel) {
	t.Helper()
	var entries []timeline.Entry
	var notices []notify.Notice
	for i, e := range record {
		entry := timeline.Entry{Seq: int64(i + 1), Subject: "pg17", Version: int64(i + 1), At: e.at, Event: e.event}
		follow, _ := notify.Follow(timeline.Fold("pg17", entries), entry)
		for _, n := range follow {
			if !n.Due.After(when) {
				notices = append(notices, n)
			}
		}
		entries = append(entries, entry)
	}
	return notices, view.Page(view.Catalog{}, timeline.Public(entries), nil, when)
}

func words(list []notify.Notice) (out []string) {
	for _, n := range list {
		out = append(out, string(n.Kind)+" "+n.Word)
	}
	return out
}

var (
	announced = told{now.AddDate(0, 0, -10), plan}
	begun     = told{now.Add(time.Hour), maint.Started{}}
	completed = told{now.Add(2 * time.Hour), maint.Completed{}}
)

// What is told is the newest thing that is true.
func TestCurrent(t *testing.T) {
	t.Parallel()
	silent, moved := plan, plan
	silent.Notices, moved.Window.Start = nil, "2026-12-06 18:00"
	for _, tt := range []struct {
		name   string
		when   time.Time
		record []told
		want   []string
	}{
		{"too early", now.AddDate(0, 0, -8), []told{announced}, nil},
		{"a week before", now.AddDate(0, 0, -6), []told{announced}, []string{"ahead 7d"}},
		{"a day before", now, []told{announced}, []string{"ahead 1d"}},
		{"begun", now.Add(90 * time.Minute), []told{announced, begun}, []string{"start start"}},
		{"begun, and nobody planned to say so", now.Add(90 * time.Minute), []told{{announced.at, silent}, begun}, []string{"start during"}},
		{"over", now.Add(3 * time.Hour), []told{announced, begun, completed}, []string{"end end"}},
		{"over for a week", now.AddDate(0, 0, 8), []told{announced, begun, completed}, nil},
		{"moved", now, []told{announced, {now.Add(-time.Minute), maint.Rescheduled{Scheduled: moved}}}, []string{"rescheduled rescheduled", "ahead 7d"}},
		{"called off", now, []told{announced, {now.Add(-time.Minute), maint.Cancelled{}}}, []string{"cancelled cancelled"}},
		{"taken back", now.Add(3 * time.Hour), []told{announced, begun, completed, {now.Add(150 * time.Minute), maint.RolledBack{}}}, []string{"rolled_back cancelled"}},
	} {
		notices, page := world(t, tt.when, tt.record...)
		var got []string
		for _, talk := range Current(notices, page, tt.when) {
			got = append(got, words(talk)...)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s:\n%s", tt.name, diff)
		}
	}
}

func TestFor(t *testing.T) {
	t.Parallel()
	pro := Audience{Traits: map[string][]string{"plan": {"pro", "team"}, "region": {"nz"}}}
	month := Audience{Active: 30 * 24 * time.Hour}
	person := func(traits ...string) Person {
		p := Person{ID: "ann", Traits: map[string]string{}}
		for i := 0; i+1 < len(traits); i += 2 {
			p.Traits[traits[i]] = traits[i+1]
		}
		return p
	}
	seen := func(at time.Time, ids ...string) State {
		s := State{Seen: at, Marks: map[string]Mark{}}
		for _, id := range ids {
			s.Marks[id] = Mark{Subject: "pg17", Told: at}
		}
		return s
	}
	before, _ := world(t, now, announced)
	day := before[len(before)-1].ID
	for _, tt := range []struct {
		name               string
		audience           Audience
		person             Person
		state              State
		when               time.Time
		record             []told
		all, fresh, passed []string
	}{
		{"anybody", Audience{}, person(), State{}, now, []told{announced}, []string{"ahead 1d"}, []string{"ahead 1d"}, nil},
		{"told already", Audience{}, person(), seen(now, day), now, []told{announced}, []string{"ahead 1d"}, nil, nil},
		{"told what came before", Audience{}, person(), seen(now.AddDate(0, 0, -5), "pg17/7d/2026-12-05T05:00Z"), now, []told{announced}, []string{"ahead 1d"}, []string{"ahead 1d"}, nil},
		{"with the traits", pro, person("plan", "team", "region", "nz"), State{}, now, []told{announced}, []string{"ahead 1d"}, []string{"ahead 1d"}, nil},
		{"with one of them", pro, person("plan", "pro"), State{}, now, []told{announced}, nil, nil, nil},
		{"with another value", pro, person("plan", "free", "region", "nz"), State{}, now, []told{announced}, nil, nil, nil},
		{"active", month, person(), seen(now.AddDate(0, 0, -29)), now, []told{announced}, []string{"ahead 1d"}, []string{"ahead 1d"}, nil},
		{"long away", month, person(), seen(now.AddDate(0, 0, -40)), now, []told{announced}, nil, nil, []string{"ahead 1d"}},
		{"never here", month, person(), State{}, now, []told{announced}, nil, nil, []string{"ahead 1d"}},
		{"passed over, and here again", month, person(), State{Seen: now, Marks: map[string]Mark{day: {Subject: "pg17"}}}, now, []told{announced}, nil, nil, nil},
		{"told before, told after", Audience{}, person(), seen(now, day), completed.at, []told{announced, begun, completed}, []string{"end end"}, []string{"end end"}, nil},
		{"told before, and of another plan now", pro, person("plan", "free"), seen(now, day), completed.at, []told{announced, begun, completed}, []string{"end end"}, []string{"end end"}, nil},
		{"here in between", Audience{}, person(), seen(now.Add(90 * time.Minute)), completed.at, []told{announced, begun, completed}, []string{"end end"}, []string{"end end"}, nil},
		{"not told, and not here in between", Audience{}, person(), seen(now.AddDate(0, 0, -20)), completed.at, []told{announced, begun, completed}, nil, nil, []string{"end end"}},
		{"called off, and not told of it", Audience{}, person(), seen(now), now, []told{announced, {now.Add(-time.Minute), maint.Cancelled{}}}, nil, nil, []string{"cancelled cancelled"}},
	} {
		notices, page := world(t, tt.when, tt.record...)
		all, fresh, passed := tt.audience.For(tt.person, tt.state, Current(notices, page, tt.when))
		for what, pair := range map[string][2][]string{"all": {tt.all, words(all)}, "fresh": {tt.fresh, words(fresh)}, "passed": {tt.passed, words(passed)}} {
			if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
				t.Errorf("%s, %s:\n%s", tt.name, what, diff)
			}
		}
	}
	// Of a window that moved, those who knew the old one hear that it moved, and the others when it is.
	moved := plan
	moved.Window.Start = "2026-12-06 18:00"
	notices, page := world(t, now, announced, told{now.Add(-time.Minute), maint.Rescheduled{Scheduled: moved}})
	knew, _, _ := Audience{}.For(person(), seen(now, day), Current(notices, page, now))
	others, _, passed := Audience{}.For(person(), State{}, Current(notices, page, now))
	if diff := cmp.Diff([][]string{{"rescheduled rescheduled"}, {"ahead 7d"}, {"rescheduled rescheduled"}}, [][]string{words(knew), words(others), words(passed)}); diff != "" {
		t.Error(diff)
	}
}
