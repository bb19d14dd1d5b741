package logtest

import (
	"time"

	"github.com/lullhq/lull/internal/maint"
)

// Events gives one event of every kind, with every field set.
func Events() []maint.Event {
	plan := maint.Scheduled{
		Title: "Database upgrade", Summary: "We move our database to PostgreSQL 17. Zażółć, “quoted”, <b>not bold</b>.",
		Author:     "Kiri",
		Window:     maint.Window{Start: "2026-12-05 17:00", Zone: "Pacific/Auckland", Allow: 2 * time.Hour},
		Components: map[string]maint.Impact{"app": maint.UnderMaintenance, "api": maint.DegradedPerformance},
		Phases:     []maint.Phase{{Step: "upgrade", Title: "Upgrade", Budget: 90 * time.Minute}, {Step: "check", Title: "Checks"}},
		Notices:    []string{"7d", "start", "end"},
	}
	return []maint.Event{
		plan,
		maint.Rescheduled{Scheduled: plan, Text: "The window moved."},
		maint.Started{Text: "Work has begun."},
		maint.Updated{Text: "Half of it is copied."},
		maint.BannerChanged{On: true, Sites: 2, Of: 3, Text: "The banner is on."},
		maint.Late{ExpectedEnd: time.Date(2026, 12, 5, 7, 15, 0, 123456000, time.UTC), Text: "We need 15 minutes more."},
		maint.Extended{Window: maint.Window{Start: "2026-12-05 17:00", Zone: "Pacific/Auckland", Allow: 3 * time.Hour}, Text: "The maintenance has more time."},
		maint.Verifying{Text: "The work is done and is being checked."},
		maint.Completed{Text: "All checks are green."},
		maint.Cancelled{Text: "It will not happen."},
		maint.RolledBack{Text: "We are back on the version before."},
		maint.IncidentOpened{
			Title: "Slow answers", Status: maint.Investigating, Severity: maint.Major, Text: "We are *looking* into it.",
			Components: map[string]maint.Impact{"api": maint.DegradedPerformance}, Names: map[string]string{"api": "API"},
			Began: time.Date(2026, 12, 7, 3, 40, 0, 0, time.UTC),
		},
		maint.IncidentUpdated{
			Status: maint.Identified, Severity: maint.Critical, Text: "A disk is full.",
			Components: map[string]maint.Impact{"api": maint.MajorOutage}, Names: map[string]string{"api": "API"},
		},
		maint.PostMortemPublished{Text: "## What happened"},
		maint.ComponentSet{Name: "API", Status: maint.PartialOutage, Text: "Uploads are off."},
		maint.ComponentFreed{Name: "API"},
		maint.ComponentProbed{Name: "API", Status: maint.MajorOutage, Text: "answered 503", Since: time.Date(2026, 12, 7, 3, 39, 50, 0, time.UTC)},
		maint.ChangePosted{Title: "Search is faster", Text: "It *is*.", Labels: []string{"improved"}, Maintenance: "pg17",
			Date: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), Pictures: map[string]string{"before.png": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.png"}},
		maint.ChangeWithdrawn{},
		maint.ChangeDrafted{Post: maint.ChangePosted{Title: "Search is faster", Text: "It *will* be."}, Due: time.Date(2026, 12, 20, 8, 0, 0, 0, time.UTC)},
		maint.ChangeDiscarded{},
		maint.StepStarted{Step: "upgrade/base-backup", Title: "Copy of the database", Attempt: 2, Budget: time.Hour},
		maint.StepFinished{
			Step: "upgrade/base-backup", Title: "Copy of the database", Attempt: 2, Took: 1234567 * time.Microsecond,
			Budget: time.Hour, Evidence: "backup_manifest checked",
		},
		maint.StepFailed{
			Step: "upgrade/base-backup", Title: "Copy of the database", Attempt: 1, Took: time.Second,
			Error: "no space left on device", Hint: "free 40 GB on /srv",
		},
		maint.StepUndone{Step: "upgrade/base-backup", Title: "Copy of the database", Took: 2 * time.Second},
		maint.Resumed{Epoch: 7, Text: "The run was resumed. 3 of 9 steps were done."},
		maint.Rehearsed{
			Steps: []maint.StepTime{{Step: "upgrade/base-backup", Title: "Copy of the database", Took: 4 * time.Minute, By: "upgrade/database_bytes"}},
			Load:  maint.Figures{"upgrade/database_bytes": 1.5e9}, Hold: &maint.HoldTimes{Median: 31 * time.Millisecond, P99: 44 * time.Millisecond, Looks: 100},
		},
		maint.Forecast{
			Parts: []maint.Expected{{Step: "upgrade/base-backup", Title: "Copy of the database", Takes: 4 * time.Minute, Basis: maint.ByRehearsal}},
			Total: 4 * time.Minute, Low: 3 * time.Minute, High: 5 * time.Minute, Hold: &maint.HoldTimes{Median: 31 * time.Millisecond, P99: 44 * time.Millisecond, Looks: 100},
			Rehearsals: 1, Rehearsed: time.Date(2026, 12, 1, 4, 0, 0, 0, time.UTC), Confidence: maint.Fair,
		},
		maint.Fenced{
			Step: "upgrade/switch", Ended: []maint.EndedSessions{{Role: "app", Application: "cron", Database: "shop", Sessions: 3, InTransaction: 2, Writing: 1}},
			Refused: []string{"postgres"}, Left: 1, Writing: 2, Prepared: 3,
			Markers: []maint.FenceMarker{{Database: "shop", Transaction: 742, Written: "0/16B3748", Reached: "0/16B3790"}}, Next: 743, End: "0/16B37C8",
		},
		maint.Audited{
			Step: "upgrade/harden", Before: []maint.Weakness{{ID: "public-create", Severity: "warning", Title: "Everybody may create objects in a schema", Count: 2}},
			After: []maint.Weakness{{ID: "hba-world", Severity: "warning", Title: "pg_hba.conf lets in the whole world", Count: 1}},
		},
		maint.SitesProbed{
			Step: "site-probes", Watched: []maint.Span{{From: time.Date(2026, 12, 5, 4, 0, 0, 0, time.UTC), To: time.Date(2026, 12, 5, 4, 20, 0, 0, time.UTC)}},
			Sites: []maint.Uptime{{Name: "App", Component: true, Probes: 1200, Failures: 2, Slowest: 80 * time.Millisecond, Outages: []maint.Outage{{
				Span: maint.Span{From: time.Date(2026, 12, 5, 4, 10, 0, 0, time.UTC), To: time.Date(2026, 12, 5, 4, 10, 2, 0, time.UTC)},
				Over: true, Failures: 2, Reason: "ask https://app.example.com/: connection refused",
			}}}},
		},
		maint.NoticeGiven{
			Notice: "pg17/7d/2026-12-05T04:00Z", Maintenance: "pg17", Word: "7d", At: time.Date(2026, 11, 28, 4, 0, 0, 0, time.UTC),
			Channels: map[string]maint.Reached{"customers": {Sent: 212, Failed: 1}, "chat": {Sent: 1, Twice: 1}},
		},
		maint.Noted{Step: "upgrade/switch", Text: "Clients were held.", Figures: maint.Figures{"hold_ms": 31.25, "statements": 1e9}},
	}
}
