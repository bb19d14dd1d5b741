package pgup

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/golden"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgserver"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/seed"
)

// The words are for somebody who was woken up: what is wrong, where, what to type next.
func TestWhatTheGuardTells(t *testing.T) {
	t.Parallel()
	u := New(Spec{Name: "upgrade", ID: "postgres-17", Cluster: "main", To: 17, Source: cluster.Endpoint{Conninfo: "host=db.example.com port=5432 user=lull"},
		Place: seed.Place{Host: "127.0.0.1", Port: 5433}})
	u.inv = cluster.Inventory{SystemIdentifier: "7", Databases: []cluster.Database{{Name: "app", OID: 16400}}}
	u.origin = cluster.Self{SystemIdentifier: "7", Timeline: 1}
	u.server = pgserver.Server{LogFile: "/srv/pg17.server.log"}
	slot := u.slotNames()[0]
	log := "ERROR:  duplicate key value violates unique constraint \"orders_pkey\"\nDETAIL:  Key (id)=(4711) already exists.\nCONTEXT:  processing remote data for replication origin \"pg_16400\" during message type \"INSERT\" for replication target relation \"public.orders\" in transaction 771, finished at 0/1566D10\n"
	row, _ := cluster.LastApplyError(log, "pg_16400")
	growing := walState{retained: 7_100_000_000, budget: 10_000_000_000, rate: 3_100_000}
	var b strings.Builder
	for _, c := range []struct {
		name string
		err  error
	}{
		{"another server", u.movedSource(cluster.Self{SystemIdentifier: "8", Timeline: 1})},
		{"a standby", u.movedSource(cluster.Self{SystemIdentifier: "7", InRecovery: true})},
		{"failed over", u.movedSource(cluster.Self{SystemIdentifier: "7", Timeline: 2})},
		{"slot dropped", u.lostSlot(nil)},
		{"slot invalidated", u.lostSlot([]cluster.Kept{{Slot: slot, Invalid: "wal_removed"}})},
		{"slot idle", u.lostSlot([]cluster.Kept{{Slot: slot, Invalid: "idle_timeout"}})},
		{"new server gone", u.targetSilent(errors.New("connect to database app at 127.0.0.1:5433: connection refused"))},
		{"disabled", u.notFollowing("app", slot, "was disabled")},
		{"a row in the way", u.refusedRow("app", "/srv/pg17.server.log", row)},
		{"a full disk", fullDisk("app", "/srv/pg17", 4096)},
		{"no reason known", u.appliesNothing("app", slot, 7, 16*time.Second)},
		{"budget used up", u.overBudget(walState{retained: 10_200_000_000, budget: 10_000_000_000})},
		{"definitions", differ([]string{"app: column public.orders.note is only on the source"})},
		{"warning", errors.New(growing.String())},
		{"warning at rest", errors.New(walState{retained: 9, budget: 10}.String())},
	} {
		fmt.Fprintf(&b, "# %s\n%v\n", c.name, c.err)
		if next := hint.Of(c.err); next != "" {
			fmt.Fprintf(&b, "    %s\n", next)
		}
	}
	golden.Equal(t, "trouble.txt", b.String())
	if u.movedSource(u.origin) != nil || u.lostSlot([]cluster.Kept{{Slot: slot}}) != nil {
		t.Error("there is trouble where all is well")
	}
}

func TestGrowthOfWAL(t *testing.T) {
	t.Parallel()
	w := walWatch{budget: 1000}
	at := time.Unix(0, 0)
	if s := w.add(at, 100); s.rate != 0 || s.share() != 10 {
		t.Errorf("%+v", s)
	}
	if s := w.add(at.Add(10*time.Second), 200); s.rate != 10 {
		t.Errorf("%+v", s)
	}
	if s := w.add(at.Add(60*time.Second), 700); s.rate != 10 || s.share() != 70 {
		t.Errorf("only the last sample before the half minute counts: %+v", s)
	}
	if s := w.add(at.Add(61*time.Second), 50); s.rate >= 0 {
		t.Errorf("it shrank: %+v", s)
	}
}

// TestWorkersInVain: workers that come and go are told of when nothing gets on, and not when something does.
func TestWorkersInVain(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		at   func(second int) cluster.Follower
		told bool
	}{
		"each is there when it is looked for": {func(s int) cluster.Follower { return cluster.Follower{Worker: 100 + s, Applied: "0/1"} }, true},
		"every fifth look finds one": {func(s int) cluster.Follower {
			if s%5 > 0 {
				return cluster.Follower{Applied: "0/1"}
			}
			return cluster.Follower{Worker: 100 + s, Applied: "0/1"}
		}, true},
		"nothing was ever applied": {func(s int) cluster.Follower { return cluster.Follower{Worker: 100 + s} }, true},
		"one for long":             {func(int) cluster.Follower { return cluster.Follower{Worker: 100, Applied: "0/1"} }, false},
		"four, and one that stays": {func(s int) cluster.Follower { return cluster.Follower{Worker: 100 + min(s, 4), Applied: "0/1"} }, false},
		"each applies something": {func(s int) cluster.Follower {
			return cluster.Follower{Worker: 100 + s, Applied: fmt.Sprintf("0/%d", s)}
		}, false},
		"one in 20 seconds": {func(s int) cluster.Follower { return cluster.Follower{Worker: 100 + s/20, Applied: "0/1"} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var v vain
			told := false
			for s := range 300 {
				now := time.Unix(int64(s), 0)
				v = v.seen(tt.at(s), now)
				told = told || v.long(now)
			}
			if told != tt.told {
				t.Errorf("told: %v, want %v", told, tt.told)
			}
		})
	}
}
