package pgup

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/seed"
)

// walState is what the source keeps for the new server, against what it may.
type walState struct {
	retained int64 // bytes
	budget   int64
	rate     float64 // bytes a second, over the last half minute
}

func (w walState) share() int { return int(w.retained * 100 / max(1, w.budget)) }

// walWatch follows it through one step.
type walWatch struct {
	budget  int64
	samples []walSample
	over    bool // the upgrade was given up
}

type walSample struct {
	at       time.Time
	retained int64
}

// add takes a sample and gives the state: the rate is that since the oldest sample of half a minute.
func (w *walWatch) add(at time.Time, retained int64) walState {
	const window = 30 * time.Second
	for len(w.samples) > 1 && at.Sub(w.samples[0].at) > window {
		w.samples = w.samples[1:]
	}
	w.samples = append(w.samples, walSample{at, retained})
	s := walState{retained: retained, budget: w.budget}
	if took := at.Sub(w.samples[0].at).Seconds(); took > 0 {
		s.rate = float64(retained-w.samples[0].retained) / took
	}
	return s
}

// budget warns twice, and then gives the copy up: the slots go before the source's disk is full.
func (g *guard) budget(ctx context.Context, kept []cluster.Kept) (trouble, err error) {
	if g.wal.budget == 0 {
		g.wal.budget = g.u.walBudget(kept)
	}
	var most int64
	for _, k := range kept {
		most = max(most, k.Retained)
	}
	state := g.wal.add(time.Now(), most)
	if g.wal.over || state.share() >= 100 {
		return g.giveUp(ctx, state)
	}
	for _, mark := range []int{90, 70} {
		if state.share() < mark {
			continue
		}
		key := fmt.Sprintf("%s/wal/%d/%d", g.u.Name, g.u.generation, mark)
		return nil, g.rec.Say(ctx, key, maint.Noted{Text: state.String(), Figures: maint.Figures{"wal_retained_bytes": float64(most), "wal_budget_bytes": float64(state.budget)}})
	}
	return nil, nil
}

// giveUp tells first and drops the slots then. What it could not drop it tries again at the next look.
func (g *guard) giveUp(ctx context.Context, state walState) (trouble, err error) {
	g.wal.over = true
	key := fmt.Sprintf("%s/wal/%d/100", g.u.Name, g.u.generation)
	note := maint.Noted{Text: fmt.Sprintf("The source keeps %s of WAL for the new server, and the budget of %s is used up. The upgrade is given up and its slots are dropped, before the disk of the source fills.", bytesText(state.retained), bytesText(state.budget))}
	if err := g.rec.Say(ctx, key, note); err != nil {
		return nil, err
	}
	if err := g.u.dropSlotsThere(ctx); err != nil {
		return nil, err
	}
	return g.u.overBudget(state), nil
}

// walBudget is the plan's, or half of the room that there is on the source's disk. What the
// copy will take of the same disk does not count as room. A disk that is out of sight is
// taken to have room for half of the databases' size, and for 1 GB at least.
func (u *Upgrade) walBudget(kept []cluster.Kept) int64 {
	if u.WALBudget > 0 {
		return u.WALBudget
	}
	free, ok := u.sourceRoom()
	if !ok {
		return max(1<<30, u.inv.Bytes/2)
	}
	for _, k := range kept {
		free += k.Retained
	}
	return max(64<<20, free/2)
}

// sourceRoom is the room on the disk of the source's WAL, when that is on this machine.
func (u *Upgrade) sourceRoom() (bytes int64, ok bool) {
	dir := u.inv.Settings["data_directory"]
	if dir == "" || !u.sourceIsHere(dir) {
		return 0, false
	}
	wal, err := filepath.EvalSymlinks(filepath.Join(dir, "pg_wal"))
	if err != nil {
		return 0, false
	}
	free, err := freeBytes(wal)
	if err != nil {
		return 0, false
	}
	copied, err := seed.Exists(u.seed.Copy())
	if err == nil && copied == "" && sameDisk(wal, filepath.Dir(u.Data)) {
		free -= u.inv.Bytes
	}
	return max(0, free), true
}

// sourceIsHere goes by the address, and by the port that the server in the folder says it
// listens on: the address may be the near end of a tunnel.
func (u *Upgrade) sourceIsHere(dir string) bool {
	at, err := u.sourceAddr()
	if err != nil {
		return false
	}
	if ip := net.ParseIP(at.Host); at.Host != "localhost" && !strings.HasPrefix(at.Host, "/") && (ip == nil || !ip.IsLoopback()) {
		return false
	}
	pid, err := os.ReadFile(filepath.Join(dir, "postmaster.pid"))
	lines := strings.Split(string(pid), "\n") // the fourth is the port (miscadmin.h, LOCK_FILE_LINE_PORT)
	return err == nil && len(lines) > 3 && strings.TrimSpace(lines[3]) == strconv.Itoa(at.Port)
}

func sameDisk(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	if err != nil {
		return true // made yet by the copy: the cautious answer
	}
	x, ok := first.Sys().(*syscall.Stat_t)
	y, also := second.Sys().(*syscall.Stat_t)
	return ok && also && x.Dev == y.Dev
}
