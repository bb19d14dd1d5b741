package pgup

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/seed"
	"github.com/lullhq/lull/internal/run"
)

func (u *Upgrade) backup() run.Item {
	return u.before("base-backup", "Copy of the database", step{observe: u.seeBackup, apply: u.copySource, undo: u.removeSeed})
}

func (u *Upgrade) seeBackup(_ context.Context, rec run.Recorder) (run.Observation, error) {
	ours, err := rec.Memo(&begun{})
	if err != nil {
		return run.Observation{}, err
	}
	major, err := seed.Exists(u.seed.Copy())
	if err != nil {
		return run.Observation{}, err
	}
	switch {
	case major == "":
		// The last steps remove the copy: the target that came of it is proof enough.
		upgraded, err := seed.Exists(u.seed.Data)
		if err == nil && ours && upgraded == strconv.Itoa(u.To) {
			return run.Observation{Presence: run.Done, Evidence: "the target was built from the copy"}, nil
		}
		return begunAtLeast(ours, run.Observation{Presence: run.Absent}), err
	case !ours:
		return run.Observation{Presence: run.Foreign, Evidence: "folder " + u.seed.Copy() + " exists"}, nil
	}
	return run.Observation{Presence: run.Done, Evidence: "copy of version " + major + " in " + u.seed.Copy()}, nil
}

func (u *Upgrade) copySource(ctx context.Context, rec run.Recorder) error {
	if err := rec.Keep(ctx, begun{true}); err != nil {
		return err
	}
	watch, err := u.Source.Connect(ctx, "")
	if err != nil {
		return err
	}
	defer watch.Close(context.WithoutCancel(ctx))
	stop := every(ctx, 250*time.Millisecond, func(ctx context.Context) {
		if done, total, phase, ok := cluster.BackupProgress(ctx, watch); ok {
			rec.Progress(run.Progress{Text: phase, Unit: "bytes", Done: done, Total: total, Public: "Copying the database"})
		}
	})
	began := time.Now()
	err = u.seed.Backup(ctx)
	stop()
	if err != nil {
		return err
	}
	took := time.Since(began).Seconds()
	return rec.Note(ctx, fmt.Sprintf("Copied %s in %.1f s, %s a second, while clients went on working.", bytesText(u.inv.Bytes), took, bytesText(int64(float64(u.inv.Bytes)/took))),
		maint.Figures{"database_bytes": float64(u.inv.Bytes), "copy_s": took})
}

func (u *Upgrade) removeSeed(ctx context.Context, rec run.Recorder) error {
	if ours, err := rec.Memo(&begun{}); err != nil || !ours {
		return err
	}
	return u.seed.Remove(ctx)
}

// recovered keeps the position that the copy is brought to: everything that committed
// before it is in the copy, everything after it comes through the slots.
type recovered struct {
	LSN string `json:"lsn"`
}

func (u *Upgrade) recovery() run.Item {
	return u.before("recovery", "Copy brought to an exact position", step{recall: u.recallPosition, observe: u.seeRecovery, apply: u.recoverCopy})
}

func (u *Upgrade) recallPosition(rec run.Recorder) error {
	var memo recovered
	_, err := rec.Memo(&memo)
	u.position = memo.LSN
	return err
}

func (u *Upgrade) seeRecovery(ctx context.Context, _ run.Recorder) (run.Observation, error) {
	if u.position == "" {
		return run.Observation{Presence: run.Absent}, nil
	}
	if upgraded, err := seed.Exists(u.seed.Data); err != nil || upgraded != "" {
		return run.Observation{Presence: run.Done, Evidence: "up to " + u.position}, err
	}
	done, err := u.seed.Recovered(ctx)
	if err != nil || !done {
		return run.Observation{Presence: run.Partial, Evidence: "the copy is not at " + u.position + " yet"}, err
	}
	return run.Observation{Presence: run.Done, Evidence: "the copy stopped before " + u.position}, nil
}

func (u *Upgrade) recoverCopy(ctx context.Context, rec run.Recorder) error {
	conn, err := u.Source.Connect(ctx, "")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if u.position == "" { // chosen once the copy is whole, so that its replay can stop there
		lsn, err := cluster.InsertLSN(ctx, conn)
		if err != nil {
			return err
		}
		if err := rec.Keep(ctx, recovered{lsn}); err != nil {
			return err
		}
		u.position = lsn
	}
	var first int64
	return u.seed.Recover(ctx, u.position,
		func(ctx context.Context) error { return cluster.Nudge(ctx, conn) },
		func(left int64) {
			first = max(first, left)
			rec.Progress(run.Progress{Text: "replaying changes up to " + u.position, Unit: "bytes", Done: float64(first - left), Total: float64(first), Public: "Preparing the copy"})
		})
}

func (u *Upgrade) pgUpgrade() run.Item {
	return u.before("pg-upgrade", "Upgrade of the copy", step{observe: u.seeUpgrade, apply: u.upgradeCopy, undo: u.removeTarget})
}

func (u *Upgrade) seeUpgrade(_ context.Context, rec run.Recorder) (run.Observation, error) {
	ours, err := rec.Memo(&begun{})
	if err != nil {
		return run.Observation{}, err
	}
	major, err := seed.Exists(u.seed.Data)
	switch {
	case err != nil || major == "":
		return begunAtLeast(ours, run.Observation{Presence: run.Absent}), err
	case !ours || major != strconv.Itoa(u.To):
		return run.Observation{Presence: run.Foreign, Evidence: fmt.Sprintf("folder %s holds a cluster of version %s", u.seed.Data, major)}, nil
	}
	return run.Observation{Presence: run.Done, Evidence: fmt.Sprintf("version %s in %s", major, u.seed.Data)}, nil
}

func (u *Upgrade) upgradeCopy(ctx context.Context, rec run.Recorder) error {
	if err := rec.Keep(ctx, begun{true}); err != nil {
		return err
	}
	rec.Progress(run.Progress{Text: "pg_upgrade with links", Public: "Upgrading the copy"})
	return u.seed.Upgrade(ctx)
}

func (u *Upgrade) removeTarget(ctx context.Context, rec run.Recorder) error {
	if ours, err := rec.Memo(&begun{}); err != nil || !ours {
		return err
	}
	return u.seed.RemoveTarget(ctx)
}

// every calls do at once and then at each interval, until stop is called.
func every(ctx context.Context, interval time.Duration, do func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(interval); ; {
			do(ctx)
			select {
			case <-ctx.Done():
				tick.Stop()
				return
			case <-tick.C:
			}
		}
	}()
	return func() { cancel(); <-done }
}

// bytesText writes a size as people do: 1.5 GB, powers of ten.
func bytesText(n int64) string {
	units := []string{"bytes", "kB", "MB", "GB", "TB"}
	f, i := float64(n), 0
	for ; f >= 1000 && i < len(units)-1; i++ {
		f /= 1000
	}
	if i == 0 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}
