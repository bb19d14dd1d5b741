package pgup

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

// What the guard tells: what is wrong, where, and what to type next.

const again = "type the same command again: it removes the copy and starts it again. Or lull abort, which leaves the source as it was"

func (u *Upgrade) sourceName() string {
	at, err := u.sourceAddr()
	if err != nil {
		return "the source"
	}
	return "the source at " + at.String()
}

func (u *Upgrade) elsewhere() error {
	return hint.Errorf(fmt.Sprintf("check host and port in clusters.%s.source.dsn, then type the same command again", u.Cluster),
		"%s is another server than the one that this upgrade began with", u.sourceName())
}

func (u *Upgrade) standby() error {
	return hint.Errorf(fmt.Sprintf("name the new primary in clusters.%s.source.dsn, then %s", u.Cluster, again), "%s is a standby now: it was failed over", u.sourceName())
}

// movedSource is about the source not being the server, or not in the life, in which the slots were made.
func (u *Upgrade) movedSource(self cluster.Self) error {
	if err := u.sameServer(self); err != nil {
		return err
	}
	if u.origin.Timeline != 0 && self.Timeline != u.origin.Timeline {
		return hint.Errorf(again, "%s was failed over, from timeline %d to %d: slots do not come along, and the new server lacks what was written since", u.sourceName(), u.origin.Timeline, self.Timeline)
	}
	return nil
}

func (u *Upgrade) lostSlot(kept []cluster.Kept) error {
	if missing := cluster.Missing(u.slotNames(), kept); len(missing) > 0 {
		return hint.Errorf("find out who dropped it, then "+again, "slot %s is gone from %s: what was written since is not kept for the new server", strings.Join(missing, ", "), u.sourceName())
	}
	at := slices.IndexFunc(kept, func(k cluster.Kept) bool { return k.Invalid != "" })
	if at < 0 {
		return nil
	}
	fix := "ALTER SYSTEM SET max_slot_wal_keep_size = -1"
	if kept[at].Invalid == "idle_timeout" {
		fix = "ALTER SYSTEM SET idle_replication_slot_timeout = 0"
	}
	return hint.Errorf("on the source: "+fix+"; SELECT pg_reload_conf(); then "+again,
		"%s has invalidated slot %s (%s): it has thrown away what the new server needs", u.sourceName(), kept[at].Slot, kept[at].Invalid)
}

func (u *Upgrade) targetName() string {
	return net.JoinHostPort(u.Place.Host, strconv.Itoa(u.Place.Port))
}

func (u *Upgrade) targetSilent(err error) error {
	return hint.Errorf("see the end of "+u.server.LogFile+", then type the same command again: it starts the new server and carries on",
		"the new server at %s does not answer any more: %v", u.targetName(), err)
}

func (u *Upgrade) notFollowing(db, slot, how string) error {
	return hint.Errorf("type the same command again, which looks after it; the new server's log says more: "+u.server.LogFile,
		"the new server at %s does not follow the source any more: in database %s, subscription %s %s", u.targetName(), db, slot, how)
}

// noRoom is so little that a server cannot write another segment of WAL.
const noRoom = 16 << 20

// appliesNothing is about workers that end one after the other, for a reason that the log does not give.
func (u *Upgrade) appliesNothing(db, slot string, workers int, within time.Duration) error {
	if free, err := freeBytes(u.Data); err == nil && free < noRoom {
		return fullDisk(db, u.Data, free)
	}
	return u.notFollowing(db, slot, fmt.Sprintf("applies nothing: %d of its workers have ended within %s", workers, within.Round(time.Second)))
}

func fullDisk(db, folder string, free int64) error {
	return hint.Errorf("make room there, then type the same command again: it carries on. Or lull abort, which leaves the source as it was",
		"the new server cannot apply changes in database %s: its disk is full, %s are free in %s", db, bytesText(free), folder)
}

// plain names need no quotes, neither for the server nor for the shell.
var plain = regexp.MustCompile(`^[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*$`)

// refusedRow is about a change that the new server cannot apply. It tries again every five seconds by itself.
func (u *Upgrade) refusedRow(db, log string, e cluster.ApplyError) error {
	look := fmt.Sprintf("psql -h %s -p %d -d %s", u.Place.Host, u.Place.Port, db)
	if cfg, err := u.Source.Config(db); err == nil { // clients are shut out there, and only Lull's own role gets in for sure
		look += " -U " + cfg.User
	}
	if columns, values := e.Key(); plain.MatchString(e.Table+columns) && !strings.ContainsAny(values, `"'\$`+"`") {
		look += fmt.Sprintf(` -c "SELECT * FROM %s WHERE %s = '%s'"`, e.Table, columns, values)
	}
	return hint.Errorf("look at the row on the new server: "+look+". Put it right there: the change is tried again every 5 s. Then type the same command again. Or lull abort, which leaves the source as it was",
		"the new server cannot apply a change from the source, in database %s: %s (%s)", db, e, log)
}

// differ is about something that was defined on one side only.
func differ(all []string) error {
	next := "make the same change on the target, or lull abort and run again"
	if slices.ContainsFunc(all, func(s string) bool {
		return strings.HasPrefix(s, "role ") || strings.HasPrefix(s, "membership ") || strings.HasPrefix(s, "setting ")
	}) {
		next = "make the same change on the target (pg_dumpall --roles-only of the source shows it, with the hash of a password), or lull abort and run again"
	}
	return hint.Errorf(next, "%d definitions differ between the source and the target: %s", len(all), sample(all))
}

func (u *Upgrade) overBudget(w walState) error {
	return hint.Errorf("find out why the new server did not keep up, or raise wal_budget in the plan; then "+again,
		"%s kept %s of WAL for the new server, of a budget of %s. Its slots were dropped before its disk fills", u.sourceName(), bytesText(w.retained), bytesText(w.budget))
}

// walText is the warning before that.
func (w walState) String() string {
	text := fmt.Sprintf("The source keeps %s of WAL for the new server, %d %% of the budget of %s.", bytesText(w.retained), w.share(), bytesText(w.budget))
	if w.rate <= 0 {
		return text + " It does not grow just now."
	}
	left := time.Duration(float64(w.budget-w.retained) / w.rate * float64(time.Second))
	return text + fmt.Sprintf(" It grows by %s a second: the budget lasts for another %s. After that the upgrade is given up and the slots are dropped.", bytesText(int64(w.rate)), left.Round(time.Second))
}
