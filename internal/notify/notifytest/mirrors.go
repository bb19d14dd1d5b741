package notifytest

import (
	"testing"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/timeline"
)

// testMirrors: what another service shows follows each fact, told or not, and nobody counts it as told.
func testMirrors(t *testing.T, d *desk) {
	d.Tell(notify.Book{{Channel: "chat", Recipient: "chat.example.com"}, {Channel: "pager", Recipient: "pager", Mirrors: maint.AMaintenance}, {Channel: "news", Recipient: "news", Mirrors: maint.AChange}})
	quiet := plan
	quiet.Notices = []string{"1d"}
	mirrored := func(word string, over bool) {
		t.Helper()
		taken := d.take("pager", start.AddDate(0, 0, 1))
		if len(taken) != 1 || taken[0].Notice.Word != word || taken[0].Notice.Kind != notify.Mirror || taken[0].Notice.Over != over {
			t.Fatalf("after %s: %+v", word, taken)
		}
		d.settle(start.AddDate(0, 0, 1), notify.Sent, taken...)
	}
	d.happens(start.AddDate(0, 0, -9), quiet)
	mirrored("scheduled", false)
	moved := quiet
	moved.Window.Allow = time.Hour
	d.happens(start.AddDate(0, 0, -8), maint.Rescheduled{Scheduled: moved})
	d.happens(start.AddDate(0, 0, -8).Add(time.Hour), maint.Rescheduled{Scheduled: quiet})
	mirrored("rescheduled", false)
	d.happens(start, maint.Started{})
	d.happens(start.Add(time.Hour), maint.Late{ExpectedEnd: start.Add(3 * time.Hour)})
	mirrored("late", false)
	d.happens(start.Add(2*time.Hour), maint.Completed{})
	mirrored("completed", true)
	d.given()
	if taken := d.take("news", start.AddDate(0, 0, 1)); len(taken) != 0 {
		t.Errorf("the news are told of a maintenance: %+v", taken)
	}
	_, err := d.Append(t.Context(), maint.ChangeID("faster"), 0, timeline.Draft{At: start, Event: maint.ChangePosted{Title: "Faster", Text: "It is.", Labels: []string{"app"}}})
	d.no(err)
	if taken := d.take("news", start.AddDate(0, 0, 1)); len(taken) != 1 || taken[0].Notice.Title != "Faster" || taken[0].Notice.Labels[0] != "app" {
		t.Errorf("of a post: %+v", taken)
	}
}
