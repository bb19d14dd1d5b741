package notifytest

import (
	"errors"
	"testing"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/run"
)

// testGather: each of an audience is a recipient. Everyone told before is told after, with those who came in between, and nobody twice.
func testGather(t *testing.T, d *desk) {
	d.Tell(notify.Book{{Channel: "app", Recipient: notify.Everyone}})
	gather := func(word string, recipients ...string) {
		t.Helper()
		taken := d.take("app", start.AddDate(0, 0, 1))
		if len(taken) != 1 || taken[0].Recipient != notify.Everyone || taken[0].Notice.Word != word {
			t.Fatalf("taken: %+v", taken)
		}
		for range 2 {
			if taken[0].Notice.ToTold {
				d.no(d.Gather(t.Context(), d.lease, taken[0], nil, start))
			}
			d.no(d.Gather(t.Context(), d.lease, taken[0], recipients, start))
		}
		d.settle(start, notify.Sent, taken...)
	}
	at := start.AddDate(0, 0, -1)
	quiet := plan
	quiet.Notices = []string{"1d", "end"}
	d.happens(at, quiet)
	gather("1d", "ann", "bob", "cyd")
	taken := d.take("app", start.AddDate(0, 0, 1))
	if len(taken) != 3 {
		t.Fatalf("taken: %+v", taken)
	}
	d.settle(at, notify.Sent, taken[:2]...)
	d.settle(at, notify.Dead, taken[2])
	d.given("1d map[app:{2 1 0}]")
	d.happens(start, maint.Started{})
	d.happens(start, maint.Completed{})
	old := d.lease
	d.again()
	if err := d.Gather(t.Context(), old, taken[0], []string{"eve"}, start); !errors.Is(err, run.ErrLeaseLost) {
		t.Errorf("with a lost lease: %v", err)
	}
	gather("end", "bob", "dan")
	d.settle(start, notify.Sent, d.take("app", start.AddDate(0, 0, 1))...)
	d.want("1d app * sent", "1d app ann sent", "1d app bob sent", "1d app cyd dead", "end app * sent", "end app ann sent", "end app bob sent", "end app dan sent")
}
