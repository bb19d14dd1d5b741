package view

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
	"go.yaml.in/yaml/v4"
	"pgregory.net/rapid"

	"github.com/lullhq/lull/internal/golden"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
)

// at is a moment of the evening on which every story plays: 04:00 UTC is 17:00 in Auckland.
func at(clock string) time.Time {
	layout := "2006-01-02 15:04:05"
	if len(clock) == 5 {
		clock += ":00"
	}
	t, err := time.Parse(layout, "2026-12-05 "+clock)
	if err != nil {
		panic(err)
	}
	return t
}

var plan = maint.Scheduled{
	Title: "Database upgrade", Author: "Operations",
	Summary: "We move our database to PostgreSQL 17. Your sites stay up; the app pauses for less than a second.",
	Window:  maint.Window{Start: "2026-12-05 17:00", Zone: "Pacific/Auckland", Allow: 2 * time.Hour},
	Components: map[string]maint.Impact{
		"app": maint.UnderMaintenance, "sites": maint.Operational,
	},
	Phases: []maint.Phase{
		{Step: "banner-on", Title: "Notice on our sites"}, {Step: "upgrade", Title: "Upgrade to PostgreSQL 17", Budget: 30 * time.Minute},
		{Step: "check", Title: "Checks after the work"},
	},
}

// record writes a timeline of one maintenance.
type record []timeline.Entry

func (r *record) say(when string, events ...maint.Event) {
	for _, e := range events {
		n := int64(len(*r) + 1)
		*r = append(*r, timeline.Entry{Seq: n, Version: n, Subject: "pg17", At: at(when), Event: e})
	}
}

// step writes a step that was done at the first try and ended at that time.
func (r *record) step(ended, step, title string, took, budget time.Duration) {
	end := at(ended)
	r.say(end.Add(-took).Format("15:04:05"), maint.StepStarted{Step: step, Title: title, Attempt: 1, Budget: budget})
	r.say(ended, maint.StepFinished{Step: step, Title: title, Attempt: 1, Took: took, Budget: budget, Evidence: title + " seen on db2.internal"})
}

func smooth() record {
	var r record
	first := plan
	first.Window.Start = "2026-12-05 15:30"
	r.say("01:30", first)
	r.say("02:00", maint.Rescheduled{Scheduled: plan, Text: "The window moved by an hour and a half."})
	r.say("03:54", maint.Forecast{
		Parts: []maint.Expected{
			{Step: "banner-on", Title: "Banner on", Basis: maint.ByNothing}, {Step: "upgrade/backup", Title: "Copy of the database", Takes: 8 * time.Minute, Basis: maint.ByRehearsal},
			{Step: "upgrade/statistics", Title: "Statistics", Takes: 2*time.Minute + 5*time.Second, Basis: maint.ByRehearsal}, {Step: "upgrade/switch", Title: "Move to the new server", Takes: 28 * time.Second, Basis: maint.ByRehearsal},
		},
		Total: 10*time.Minute + 33*time.Second, Low: 9 * time.Minute, High: 12 * time.Minute, Rehearsals: 2, Rehearsed: time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC), Confidence: maint.Sure,
	})
	r.step("03:55", "banner-on", "Banner on", 3*time.Second, time.Minute)
	r.say("03:55", maint.BannerChanged{On: true, Sites: 3, Of: 3, Text: "A notice is on all 3 of our sites."})
	r.say("04:00", maint.Started{Text: "The work has begun."})
	r.step("04:12", "upgrade/backup", "Copy of the database", 11*time.Minute+30*time.Second, 15*time.Minute)
	r.say("04:12", maint.Noted{Step: "upgrade/backup", Text: "Copied 3 databases from db1.internal.", Figures: maint.Figures{"database_bytes": 1.53e9, "copy_s": 690, "databases": 3}},
		maint.Noted{Step: "upgrade/backup", Text: "It took longer than expected.", Figures: maint.Figures{"disk_wait_share": 0.62, "processor_wait_share": 0.04}})
	r.step("04:19", "upgrade/statistics", "Statistics", 2*time.Minute, 5*time.Minute)
	r.say("04:19", maint.Audited{Step: "upgrade/harden",
		Before: []maint.Weakness{{ID: "password-md5", Severity: "warning", Title: "Passwords are kept as MD5", Count: 3}, {ID: "public-create", Severity: "warning", Title: "Everybody may create objects in a schema", Count: 2}},
		After:  []maint.Weakness{{ID: "password-md5", Severity: "warning", Title: "Passwords are kept as MD5", Count: 1}, {ID: "listen-everywhere", Severity: "note", Title: "The server listens on every address of its machine"}},
	})
	r.say("04:20", maint.StepStarted{Step: "upgrade/switch", Title: "Move to the new server", Attempt: 1, Budget: 5 * time.Minute})
	r.say("04:20:30", maint.Noted{Step: "upgrade/switch", Text: "Every table has statistics.", Figures: maint.Figures{"tables_without_statistics_at_switch": 0}},
		maint.Noted{Step: "upgrade/switch", Text: "Clients were held for 31.2 ms.", Figures: maint.Figures{
			"hold_ms": 31.25, "drain_ms": 18, "fence_ms": 4.5, "marker_ms": 6, "resume_ms": 2.25, "tries": 1,
			"sequences": 12, "held_at_unix_ms": float64(at("04:20:29").UnixMilli() + 123),
			"predicted_ms": 27.5, "hold_budget_ms": 2000,
		}},
		maint.Fenced{Step: "upgrade/switch", Refused: []string{"postgres"},
			Ended:   []maint.EndedSessions{{Role: "cron", Application: "psql", Database: "shop.internal", Sessions: 2, InTransaction: 1, Writing: 1}},
			Markers: []maint.FenceMarker{{Database: "shop.internal", Transaction: 743, Written: "0/16B3748", Reached: "0/16B3790"}, {Database: "app", Transaction: 742, Written: "0/16B3700", Reached: "0/16B3748"}},
			Next:    744, End: "0/16B37C8"},
		maint.Updated{Text: "The app now runs on PostgreSQL 17."},
		maint.StepFinished{Step: "upgrade/switch", Title: "Move to the new server", Attempt: 1, Took: 30 * time.Second, Budget: 5 * time.Minute})
	r.say("04:21", maint.Verifying{Text: "The work is done and is being checked."})
	r.step("04:25", "check", "Check", 4*time.Minute, 10*time.Minute)
	r.say("04:26", maint.Noted{Step: "probes", Text: "3 sites were asked.", Figures: maint.Figures{"site_probes": 1412, "site_probe_failures": 0, "failed": 0, "statements": 1204332, "lost_commits": 0, "acked_commits": 98214}})
	r.say("04:26", maint.SitesProbed{Step: "probes", Watched: []maint.Span{{From: at("04:00"), To: at("04:26")}}, Sites: []maint.Uptime{
		{Name: "blog", Probes: 706, Slowest: 12500 * time.Microsecond}, {Name: "www", Probes: 706, Slowest: 31 * time.Millisecond},
	}})
	r.say("04:27", maint.Completed{Text: "Everything is as it should be."})
	r.say("04:28", maint.BannerChanged{Sites: 0, Of: 3, Text: "The notice is off our sites again."})
	r.step("09:30", "upgrade/tidy-up", "Clean-up", 2*time.Second, 0) // after the bake
	return r
}

func rough() record {
	var r record
	p := plan
	p.Title = "Upgrade *now* {{ site.title }} | <b>"
	r.say("01:30", p)
	r.say("04:07", maint.Started{Text: "The work has begun."},
		maint.StepStarted{Step: "upgrade/backup", Title: "Copy of the database", Attempt: 1, Budget: 15 * time.Minute})
	r.say("04:07:03", maint.StepFailed{Step: "upgrade/backup", Title: "Copy of the database", Attempt: 1, Took: 3 * time.Second,
		Error: "connect to db1.internal:5432: password of lull|admin refused", Hint: "check `PGPASSFILE`"})
	r.say("04:09", maint.StepStarted{Step: "upgrade/backup", Title: "Copy of the database", Attempt: 2, Budget: 15 * time.Minute})
	r.say("04:31", maint.Resumed{Epoch: 2, Text: "Resumed on ops1.internal."},
		maint.StepStarted{Step: "upgrade/backup", Title: "Copy of the database", Attempt: 3, Budget: 15 * time.Minute})
	r.say("04:50", maint.StepFinished{Step: "upgrade/backup", Title: "Copy of the database", Attempt: 3, Took: 19 * time.Minute, Budget: 15 * time.Minute})
	r.say("05:40", maint.Late{ExpectedEnd: at("06:20"), Text: "The copy took longer than it did when we tried it."})
	r.step("06:05", "upgrade/switch", "Move to the new server", 40*time.Second, time.Minute)
	for i, when := range []string{"06:05:10", "06:05:20"} {
		r.say(when, maint.Noted{Step: "upgrade/switch", Text: "It went back.", Figures: maint.Figures{
			"try": float64(i + 1), "went_back_ms": 2004, "predicted_ms": 31, "went_back_at_unix_ms": float64(at(when).UnixMilli() - 2500)}})
	}
	r.say("06:06", maint.Noted{Step: "upgrade/switch", Text: "Held.", Figures: maint.Figures{"hold_ms": 1340, "drain_ms": 1200, "resume_ms": 3, "tries": 3, "held_at_unix_ms": float64(at("06:05:40").UnixMilli()), "predicted_ms": 25, "hold_budget_ms": 2000, "tables_without_statistics_at_switch": 2}})
	r.say("06:07", maint.Noted{Step: "probes", Text: "Probes of db1.internal.", Figures: maint.Figures{"site_probes": 900, "site_probe_failures": 1, "site_downtime_s": 1.25, "failed": 3}})
	r.say("06:07", maint.SitesProbed{Step: "probes", Watched: []maint.Span{{From: at("04:07"), To: at("04:09")}, {From: at("04:31"), To: at("06:07")}}, Sites: []maint.Uptime{
		{Name: "www", Probes: 900, Failures: 1, Slowest: 2 * time.Second, Outages: []maint.Outage{{
			Span: maint.Span{From: at("06:05:40"), To: at("06:05:40").Add(1250 * time.Millisecond)}, Over: true, Failures: 1, Reason: "ask https://www.internal/: connection refused",
		}}},
		{Name: "App", Component: true, Probes: 900, Failures: 12, Slowest: 40 * time.Millisecond, Outages: []maint.Outage{{
			Span: maint.Span{From: at("06:06:48"), To: at("06:07")}, Failures: 12, Reason: "https://app.internal/ answered 503",
		}}},
	}})
	r.say("06:14", maint.Completed{Text: "Done, late.\nSorry."})
	return r
}

func givenUp() record {
	var r record
	r.say("01:30", plan)
	r.say("04:00", maint.Started{Text: "The work has begun."})
	r.step("04:05", "upgrade/slots", "Slots", time.Second, time.Minute)
	r.say("04:06", maint.StepStarted{Step: "upgrade/backup", Title: "Copy of the database", Attempt: 1, Budget: 15 * time.Minute})
	r.say("04:10", maint.StepFailed{Step: "upgrade/backup", Title: "Copy of the database", Attempt: 1, Took: 4 * time.Minute, Error: "no space left on db2.internal"})
	r.say("04:20", maint.StepUndone{Step: "upgrade/backup", Title: "Copy of the database", Took: time.Second}, maint.StepUndone{Step: "upgrade/slots", Title: "Slots", Took: time.Second})
	r.say("04:21", maint.Cancelled{Text: "We went back to the old database. Nothing was lost."})
	return r
}

func unfinished() record {
	r := smooth()
	return r[:13] // up to the copy of the database
}

func inUTC() record {
	var r record
	p := plan
	p.Window, p.Author = maint.Window{Start: "2026-12-05 04:00", Zone: "UTC", Allow: time.Hour}, ""
	r.say("01:30", p)
	return r
}

func TestPostMortem(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]record{
		"smooth": smooth(), "rough": rough(), "given-up": givenUp(), "unfinished": unfinished(), "utc": inUTC(), "empty": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden.Equal(t, name+".md", string(PostMortem(r, at("06:30")).Markdown()))
		})
	}
}

func TestPublicReportNamesNothing(t *testing.T) {
	t.Parallel()
	for _, r := range []record{smooth(), rough(), givenUp(), unfinished()} {
		report := PostMortem(r, at("06:30"))
		if md := string(report.Markdown()); !strings.Contains(md, "internal") {
			t.Errorf("the operator's report lacks the operator's words:\n%s", md)
		}
		if md := string(report.Public().Markdown()); strings.Contains(md, "internal") || strings.Contains(md, "PGPASSFILE") {
			t.Errorf("the public report has private words:\n%s", md)
		}
	}
}

// Whatever people write, Markdown shows it as it is: no tag, no link, no table cell, no heading comes of it.
func TestWordsSurviveMarkdown(t *testing.T) {
	t.Parallel()
	md := goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.TaskList))
	rapid.Check(t, func(rt *rapid.T) {
		words := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune("a1. )#-+=:*_`[](){}%|<>&;!\\~$\"'\n\t")))).Draw(rt, "words")
		source := []byte("- " + plainText(words) + "\n")
		if strings.Contains(string(source), "{{") || strings.Contains(string(source), "{%") {
			rt.Fatalf("Liquid in %q", source)
		}
		var got strings.Builder
		doc := md.Parser().Parse(text.NewReader(source))
		_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
			switch n.Kind() {
			case ast.KindDocument, ast.KindList, ast.KindListItem, ast.KindTextBlock, ast.KindText:
			default:
				rt.Fatalf("%q became a %s", words, n.Kind())
			}
			return ast.WalkContinue, nil
		})
		var html bytes.Buffer
		if err := md.Renderer().Render(&html, source, doc); err != nil {
			rt.Fatal(err)
		}
		got.WriteString(html.String())
		want := "<ul>\n<li>" + htmlText(oneLine(words)) + "</li>\n</ul>\n"
		if oneLine(words) == "" {
			want = "<ul>\n<li></li>\n</ul>\n"
		}
		if got.String() != want {
			rt.Fatalf("%q is shown as %q, want %q", words, got.String(), want)
		}
	})
}

func htmlText(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}

func TestFrontMatterIsYAML(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		title := rapid.String().Draw(rt, "title")
		var r record
		p := plan
		p.Title, p.Author = title, title
		r.say("01:00", p)
		parts := strings.SplitN(string(PostMortem(r, at("04:00")).Markdown()), "---\n", 3)
		var front struct{ Title, Author, Category, Date string }
		if err := yaml.Unmarshal([]byte(parts[1]), &front); err != nil {
			rt.Fatalf("title %q: %v in\n%s", title, err, parts[1])
		}
		if front.Author != oneLine(title) || front.Category != "operations" {
			rt.Fatalf("title %q is read back as %+v", title, front)
		}
	})
}

func TestLength(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0 s", 31250 * time.Microsecond: "31.2 ms", 124 * time.Millisecond: "124 ms", 1340 * time.Millisecond: "1.3 s",
		59900 * time.Millisecond: "1 min", 42 * time.Second: "42 s", 90 * time.Second: "1 min 30 s",
		time.Hour: "1 h", 3*time.Hour + 4*time.Minute + 50*time.Second: "3 h 4 min", 14 * 24 * time.Hour: "14 days", -time.Minute: "-1 min",
	} {
		if got := Length(d); got != want {
			t.Errorf("%s is written %q, want %q", d, got, want)
		}
	}
}

func TestFigureText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		v     float64
		label string
		want  string
	}{
		{"database_bytes", 1.53e9, "database", "1.5 GB"}, {"database_bytes", 999_999, "database", "1.0 MB"}, {"wal_bytes", 12, "wal", "12 bytes"},
		{"hold_ms", 31.25, "hold", "31.2 ms"}, {"copy_s", 690, "copy", "11 min 30 s"}, {"statements", 1204332, "statements", "1 204 332"},
		{"p99_ratio", 0.5, "p99 ratio", "0.5"}, {"lost", -1200, "lost", "-1 200"}, {"held_at_unix_ms", 0, "held at", "1970-01-01 00:00:00.000 UTC"},
	} {
		if label, got := FigureText(c.name, c.v); label != c.label || got != c.want {
			t.Errorf("%s %v is written %q %q, want %q %q", c.name, c.v, label, got, c.label, c.want)
		}
	}
}
