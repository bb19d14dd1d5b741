package feed

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/maint"
)

// lines gives the values of some properties of a calendar with one event.
func lines(t *testing.T, r *record, now string, names ...string) []string {
	t.Helper()
	page := r.page(now)
	ics := strings.ReplaceAll(string(origin.Calendars(page)[0].Encode(origin, page)), "\r\n ", "")
	_, event, _ := strings.Cut(ics, "BEGIN:VEVENT\r\n")
	var out []string
	for _, name := range names {
		found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + `[;:].*$`).FindString(event)
		out = append(out, strings.TrimSuffix(found, "\r"))
	}
	return out
}

// A calendar follows the work: its end moves, and each change is a revision.
func TestEventFollowsTheWork(t *testing.T) {
	t.Parallel()
	var r record
	check := func(now, sequence, end, status, note string) {
		t.Helper()
		want := []string{"SEQUENCE:" + sequence, "DTEND:20261205T" + end + "00Z", "STATUS:" + status, "X-MAINTNOTE-STATUS:" + note, "UID:pg17@status.example.com"}
		if diff := cmp.Diff(want, lines(t, &r, now, "SEQUENCE", "DTEND", "STATUS", "X-MAINTNOTE-STATUS", "UID")); diff != "" {
			t.Error(diff)
		}
	}
	r.say("pg17", "12-01 00:00", planned("Database upgrade", "12-05 15:30", nil))
	check("12-01 00:00", "0", "0430", "CONFIRMED", "CONFIRMED")
	r.say("pg17", "12-02 00:00", maint.Rescheduled{Scheduled: planned("Database upgrade", "12-05 17:00", nil)})
	check("12-02 00:00", "1", "0600", "CONFIRMED", "CONFIRMED")
	r.say("pg17", "12-05 03:55", maint.BannerChanged{On: true, Text: "On the sites."})
	check("12-05 03:55", "1", "0600", "CONFIRMED", "CONFIRMED")
	r.say("pg17", "12-05 04:00", maint.Started{})
	check("12-05 04:00", "2", "0600", "CONFIRMED", "IN-PROCESS")
	r.say("pg17", "12-05 05:00", maint.Late{ExpectedEnd: at("12-05 06:40")})
	check("12-05 05:00", "3", "0640", "CONFIRMED", "IN-PROCESS")
	r.say("pg17", "12-05 06:20", maint.Completed{})
	check("12-05 06:20", "4", "0620", "CONFIRMED", "COMPLETED")
	r.say("pg17", "12-05 07:00", maint.RolledBack{Text: "Back."})
	check("12-05 07:00", "5", "0700", "CANCELLED", "CANCELLED")
}

func TestCancelledBeforeItBegan(t *testing.T) {
	t.Parallel()
	var r record
	r.say("pg17", "12-01 00:00", planned("Database upgrade", "12-05 17:00", nil))
	r.say("pg17", "12-02 00:00", maint.Cancelled{Text: "Not needed."})
	want := []string{"DTSTART:20261205T040000Z", "DTEND:20261205T060000Z", "STATUS:CANCELLED"}
	if diff := cmp.Diff(want, lines(t, &r, "12-02 00:00", "DTSTART", "DTEND", "STATUS")); diff != "" {
		t.Error(diff)
	}
}

// Whenever the work was done, an event must not end before it begins.
func TestEventNeverEndsBeforeItBegins(t *testing.T) {
	t.Parallel()
	for _, when := range [][2]string{{"12-04 00:00", "12-04 00:00"}, {"12-05 07:00", ""}, {"12-05 07:00", "12-05 07:00"}} {
		var r record
		r.say("pg17", "12-01 00:00", planned("Database upgrade", "12-05 17:00", nil))
		r.say("pg17", when[0], maint.Started{})
		if when[1] != "" {
			r.say("pg17", when[1], maint.Completed{})
		}
		got := lines(t, &r, when[0], "DTSTART", "DTEND")
		if strings.TrimPrefix(got[0], "DTSTART:") >= strings.TrimPrefix(got[1], "DTEND:") {
			t.Errorf("%v", got)
		}
	}
}

func TestFolding(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", strings.Repeat("a", 67), strings.Repeat("a", 68), strings.Repeat("a", 500),
		strings.Repeat("ä", 200), strings.Repeat("日本", 200), strings.Repeat("👩‍🚒", 60), "a\nb;c,d\\e\r\nf",
	} {
		var w icsWriter
		w.text("SUMMARY", text)
		out := w.String()
		for line := range strings.SplitSeq(strings.TrimSuffix(out, "\r\n"), "\r\n") {
			if len(line) > icsLine || !utf8.ValidString(line) || strings.ContainsAny(line, "\r\n") {
				t.Errorf("%q is not a line", line)
			}
		}
		unfolded := strings.TrimSuffix(strings.ReplaceAll(out, "\r\n ", ""), "\r\n")
		if want := "SUMMARY:" + icsText(text); unfolded != want {
			t.Errorf("got %q, want %q", unfolded, want)
		}
	}
	if got := icsText("a\nb;c,d\\e\r\nf\x07"); got != `a\nb\;c\,d\\e\nf` {
		t.Errorf("escaped to %s", got)
	}
}
