package pgup

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/lullhq/lull/internal/pgup/cluster"
)

// followers watches how the target applies what comes from the source, a database after the other.
type followers struct {
	u        *Upgrade
	sessions connections
	silent   map[string]time.Time // databases whose changes are not applied, and since when
	failures map[string]int64     // what the server counts, at the last look
	vain     map[string]vain      // databases, and the workers that came and went there
	log      string               // the file that the target logs to
	from     int64                // where in it the watch began
}

const (
	answers  = 3 * time.Second  // in which a server that lives accepts a connection, and a subscription that somebody works at is on again
	restarts = 15 * time.Second // in which the server starts an apply worker again: it does every 5 s
	inVain   = 5                // so many workers that end without having applied anything do not have a passing reason
)

// vain are workers that began at the same position one after the other. Each may be there whenever it is looked
// for, and the log need not tell why it ends: on a full disk it is full as well.
type vain struct {
	applied string    // the position
	worker  int       // process id of the last one
	times   int       // how many there were
	since   time.Time // when the first was seen
	last    time.Time // when the last was seen first
}

// seen takes in another look. A worker that stays has nothing to apply, and nothing that it fails at.
func (v vain) seen(f cluster.Follower, now time.Time) vain {
	switch {
	case v.times == 0 || f.Applied != v.applied, f.Worker == v.worker && now.Sub(v.last) >= restarts:
		return vain{applied: f.Applied, worker: f.Worker, times: 1, since: now, last: now}
	case f.Worker != 0 && f.Worker != v.worker:
		v.worker, v.times, v.last = f.Worker, v.times+1, now
	}
	return v
}

// long says that yet another one came now, and that it is time to tell a person.
func (v vain) long(now time.Time) bool {
	return v.times > inVain && v.last.Equal(now) && now.Sub(v.since) >= restarts
}

func newFollowers(u *Upgrade) followers {
	return followers{u: u, sessions: connections{endpoint: u.target}, silent: map[string]time.Time{}, failures: map[string]int64{}, vain: map[string]vain{}}
}

// excuse forgets since when nothing came: nothing can, while the source does not answer.
func (f *followers) excuse() { clear(f.silent); clear(f.vain) }

func (f *followers) well() bool { return len(f.silent) == 0 }

func (f *followers) look(ctx context.Context) (trouble error) {
	for _, db := range f.u.inv.Databases {
		if trouble := f.lookAt(ctx, db); trouble != nil {
			return trouble
		}
	}
	return nil
}

func (f *followers) lookAt(ctx context.Context, db cluster.Database) (trouble error) {
	slot := f.u.slot(db)
	state, found, err := f.ask(ctx, db)
	switch {
	case err != nil:
		return f.quiet(db, answers, func() error { return f.u.targetSilent(err) })
	case !found:
		return f.quiet(db, answers, func() error { return f.u.notFollowing(db.Name, slot, "is gone") })
	case !state.Enabled:
		return f.quiet(db, answers, func() error { return f.u.notFollowing(db.Name, slot, "was disabled") })
	}
	before, known := f.failures[db.Name]
	f.failures[db.Name] = state.Errors
	if known && state.Errors > before || state.Worker == 0 {
		if trouble := f.refused(db, state); trouble != nil {
			return trouble
		}
	}
	now := time.Now()
	f.vain[db.Name] = f.vain[db.Name].seen(state, now)
	if v := f.vain[db.Name]; v.long(now) {
		return f.u.appliesNothing(db.Name, slot, v.times-1, now.Sub(v.since))
	}
	if state.Worker == 0 {
		return f.quiet(db, restarts, func() error { return f.u.notFollowing(db.Name, slot, "has no worker that applies changes") })
	}
	delete(f.silent, db.Name)
	return nil
}

func (f *followers) ask(ctx context.Context, db cluster.Database) (state cluster.Follower, found bool, err error) {
	conn, err := f.sessions.to(ctx, db.Name)
	if err != nil {
		return state, false, err
	}
	if state, found, err = cluster.LookFollower(ctx, conn, f.u.slot(db)); err != nil {
		f.sessions.drop(db.Name)
		return state, found, err
	}
	file, err := cluster.LogFile(ctx, conn)
	if err != nil {
		return state, found, err
	}
	if file == "" {
		file = f.u.server.LogFile
	}
	if f.log == "" { // what is in the log by now may have been put right since
		if info, err := os.Stat(file); err == nil {
			f.from = info.Size()
		}
	} else if f.log != file {
		f.from = 0
	}
	f.log = file
	return state, found, nil
}

// quiet gives the trouble when a database has been without changes for so long.
func (f *followers) quiet(db cluster.Database, patience time.Duration, trouble func() error) error {
	since, ok := f.silent[db.Name]
	if !ok {
		f.silent[db.Name] = time.Now()
		return nil
	}
	if time.Since(since) < patience {
		return nil
	}
	return trouble()
}

// refused looks into the target's log for a row that it cannot apply. A deadlock or the like
// goes away when it is tried again, so a report that names no key counts from the second time on.
func (f *followers) refused(db cluster.Database, state cluster.Follower) error {
	text, err := tailFrom(f.log, f.from)
	if err != nil {
		return nil // the worker's being gone will be told without the reason
	}
	e, times := cluster.LastApplyError(text, state.Origin())
	if columns, _ := e.Key(); times == 0 || times == 1 && columns == "" {
		return nil
	}
	return f.u.refusedRow(db.Name, f.log, e)
}

// tailFrom reads a file from an offset on, the last part of it where that is much.
func tailFrom(path string, from int64) (string, error) {
	const most = 1 << 20
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(io.NewSectionReader(file, max(from, info.Size()-most), most))
	return string(b), err
}
