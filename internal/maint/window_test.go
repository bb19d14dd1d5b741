package maint_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lullhq/lull/internal/maint"
)

func TestResolve(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, start, zone string
		want              string // RFC 3339 in UTC, or the refusal
	}{
		{"summer in the south", "2026-12-05 17:00", "Pacific/Auckland", "2026-12-05T04:00:00Z"},
		{"winter in the north", "2026-12-05 17:00", "Europe/Berlin", "2026-12-05T16:00:00Z"},
		{"no daylight saving", "2026-07-01 00:00", "Asia/Kolkata", "2026-06-30T18:30:00Z"},
		{"UTC", "2026-07-01 00:00", "UTC", "2026-07-01T00:00:00Z"},
		// time.Date gives the second of these two by itself, and the first of the next two.
		{"twice, east of Greenwich", "2026-10-25 02:30", "Europe/Berlin", "2026-10-25T00:30:00Z"},
		{"twice, in the south", "2026-04-05 02:30", "Pacific/Auckland", "2026-04-04T13:30:00Z"},
		{"twice, west of Greenwich", "2026-11-01 01:30", "America/New_York", "2026-11-01T05:30:00Z"},
		{"twice, half an hour only", "2026-04-05 01:45", "Australia/Lord_Howe", "2026-04-04T14:45:00Z"},
		{"the first minute that is twice", "2026-10-25 02:00", "Europe/Berlin", "2026-10-25T00:00:00Z"},
		{"the minute after it", "2026-10-25 03:00", "Europe/Berlin", "2026-10-25T02:00:00Z"},
		{"the minute before it", "2026-10-25 01:59", "Europe/Berlin", "2026-10-24T23:59:00Z"},
		{"skipped", "2026-03-29 02:30", "Europe/Berlin", "does not exist"},
		{"skipped in the south", "2026-09-27 02:00", "Pacific/Auckland", "does not exist"},
		{"skipped, half an hour only", "2026-10-04 02:15", "Australia/Lord_Howe", "does not exist"},
		{"a whole day skipped", "2011-12-30 12:00", "Pacific/Apia", "does not exist"},
		{"the minute after the gap", "2026-03-29 03:00", "Europe/Berlin", "2026-03-29T01:00:00Z"},
		{"no zone", "2026-12-05 17:00", "", "not an IANA time zone"},
		{"the machine's zone", "2026-12-05 17:00", "Local", "not an IANA time zone"},
		{"an abbreviation", "2026-12-05 17:00", "NZST", "not an IANA time zone"},
		{"a path", "2026-12-05 17:00", "../../etc/passwd", "not an IANA time zone"},
		{"seconds", "2026-12-05 17:00:00", "UTC", "not of the form"},
		{"one digit", "2026-12-05 7:00", "UTC", "not of the form"},
		{"no such day", "2026-02-29 17:00", "UTC", "not of the form"},
		{"empty", "", "UTC", "not of the form"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			start, end, err := maint.Window{Start: tt.start, Zone: tt.zone, Allow: 2 * time.Hour}.Resolve()
			if err != nil {
				if !strings.Contains(err.Error(), tt.want) {
					t.Fatalf("error %q, want %q", err, tt.want)
				}
				return
			}
			if got := start.UTC().Format(time.RFC3339); got != tt.want {
				t.Errorf("start %s, want %s", got, tt.want)
			}
			if end.Sub(start) != 2*time.Hour || start.Location().String() != tt.zone {
				t.Errorf("from %s to %s", start, end)
			}
		})
	}
}

func TestResolveRefusesNoLength(t *testing.T) {
	t.Parallel()
	for _, allow := range []time.Duration{0, -time.Hour} {
		if _, _, err := (maint.Window{Start: "2026-12-05 17:00", Zone: "UTC", Allow: allow}).Resolve(); err == nil {
			t.Errorf("a window of %s was accepted", allow)
		}
	}
}

var zones = []string{
	"UTC", "Pacific/Auckland", "Europe/Berlin", "Europe/Dublin", "America/New_York", "America/St_Johns",
	"Australia/Lord_Howe", "Asia/Kolkata", "Africa/Casablanca", "America/Santiago", "Pacific/Apia",
}

// Every instant has a wall time, and that wall time resolves to the instant or,
// when the clock shows it twice, to the earlier one.
func TestResolveIsTheFirstInstantOfItsWallTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		minute := rapid.Int64Range(1_262_304_000/60, 2_208_988_800/60).Draw(t, "minute") // 2010 to 2040
		at := time.Unix(minute*60, 0).In(loc)
		if rapid.Bool().Draw(t, "near a change") {
			if _, change := at.ZoneBounds(); !change.IsZero() {
				at = change.Add(time.Duration(rapid.IntRange(-180, 180).Draw(t, "off")) * time.Minute)
			}
		}
		wall := at.Format(maint.WallLayout)
		start, _, err := maint.Window{Start: wall, Zone: zone, Allow: time.Hour}.Resolve()
		if err != nil {
			t.Fatalf("%s %s: %v", wall, zone, err)
		}
		if start.Format(maint.WallLayout) != wall {
			t.Fatalf("%s became %s", wall, start)
		}
		if start.After(at) {
			t.Fatalf("%s %s resolved to %s, which is after %s", wall, zone, start, at)
		}
		if at.Sub(start) > 3*time.Hour {
			t.Fatalf("%s is not a repeat of %s", start, at)
		}
	})
}

// A wall time is refused exactly when no instant near it shows it.
func TestResolveRefusesExactlyTheGaps(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		from := time.Date(rapid.IntRange(2010, 2036).Draw(t, "year"), 1, 1, 0, 0, 0, 0, loc)
		_, change := from.ZoneBounds()
		if change.IsZero() {
			change = from
		}
		_, offset := change.Add(-time.Second).Zone()
		asShown := change.UTC().Add(time.Duration(offset) * time.Second) // what the clock would have shown
		wall := asShown.Add(time.Duration(rapid.IntRange(-90, 90).Draw(t, "off")) * time.Minute).Format(maint.WallLayout)
		shown := false
		for d := -4 * time.Hour; d <= 4*time.Hour; d += time.Minute {
			shown = shown || change.Add(d).In(loc).Format(maint.WallLayout) == wall
		}
		_, _, err = maint.Window{Start: wall, Zone: zone, Allow: time.Hour}.Resolve()
		if shown != (err == nil) {
			t.Fatalf("%s %s: shown by a clock %v, resolve says %v", wall, zone, shown, err)
		}
	})
}
