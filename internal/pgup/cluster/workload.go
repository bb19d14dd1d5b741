package cluster

import (
	"context"
	"fmt"
	"maps"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
)

// Workload is what a server has done up to a moment, by its own counters. Two of the same
// server, one after the other, tell what it did between them.
type Workload struct {
	At        time.Time           `json:"at"`        // by the server's clock
	Databases map[string]Activity `json:"databases"` // by name
	// Statements are those that took most of the server's time, by a key that is the same on any server.
	Statements map[string]Work `json:"statements,omitempty"`
	// Partial says that there were more statements: one that is missing may have run all the same.
	Partial bool `json:"partial,omitempty"`
	// Blind says why statements are not measured; empty when they are.
	Blind string `json:"blind,omitempty"`
}

// Activity is what was done in one database.
//
// PostgreSQL does not count errors. Every statement that fails outside a savepoint rolls
// its transaction back, so rollbacks are the nearest thing to errors that a server counts,
// but an application also rolls back of its own will. So their number means nothing by
// itself: only that there are more of them than there used to be does.
type Activity struct {
	Commits   int64 `json:"commits"`
	Rollbacks int64 `json:"rollbacks"`
	Deadlocks int64 `json:"deadlocks,omitempty"`
	Fatal     int64 `json:"fatal,omitempty"` // sessions ended by an error; counted from 14 on
}

// Transactions is how many ended, one way or the other.
func (a Activity) Transactions() int64 { return a.Commits + a.Rollbacks + a.Fatal }

// Failed is the share of transactions that did not end well; 0 when there was none.
func (a Activity) Failed() float64 {
	if a.Transactions() == 0 {
		return 0
	}
	return float64(a.Rollbacks+a.Fatal) / float64(a.Transactions())
}

// Since is what was done after the earlier one. It is not known when the counters began anew between the two.
func (a Activity) Since(b Activity) (Activity, bool) {
	d := Activity{a.Commits - b.Commits, a.Rollbacks - b.Rollbacks, a.Deadlocks - b.Deadlocks, a.Fatal - b.Fatal}
	return d, d.Commits >= 0 && d.Rollbacks >= 0 && d.Deadlocks >= 0 && d.Fatal >= 0
}

// Work is what one statement of one user in one database has cost.
type Work struct {
	Database string  `json:"database,omitempty"`
	User     string  `json:"user,omitempty"`
	Text     string  `json:"text,omitempty"` // its shape: without any value
	Calls    int64   `json:"calls"`
	Total    float64 `json:"total"`   // ms
	Squares  float64 `json:"squares"` // ms², the sum of the squares of what each call took
}

// Mean is in ms; 0 without calls.
func (w Work) Mean() float64 {
	if w.Calls == 0 {
		return 0
	}
	return w.Total / float64(w.Calls)
}

// Deviation is the standard deviation in ms, of these calls and no sample of others.
func (w Work) Deviation() float64 {
	if w.Calls == 0 {
		return 0
	}
	mean := w.Mean()
	return math.Sqrt(max(0, w.Squares/float64(w.Calls)-mean*mean))
}

// P99 estimates, in ms, what 99 of 100 calls stayed below. It is an estimate because the
// server keeps no more than the mean and the deviation: what it makes of them is the 99th
// percentile of the log-normal distribution that has both. Times of one statement are
// close to that shape: none is below zero, most are alike, and what delays them (a cold
// page, a lock, a busy processor) multiplies rather than adds.
//
// Where the deviation is many times the mean, the percentile of a log-normal falls again
// although its tail grows. The estimate stays at its highest then: about 15 times the mean.
func (w Work) P99() float64 {
	const z = 2.3263478740408408 // of 99 %, in a normal distribution
	mean, dev := w.Mean(), w.Deviation()
	if mean <= 0 {
		return 0
	}
	sigma := min(z, math.Sqrt(math.Log1p(dev*dev/(mean*mean))))
	return mean * math.Exp(z*sigma-sigma*sigma/2)
}

// add puts the same statement under another id to it: servers keep one for each kind of nesting.
func (w Work) add(more Work) Work {
	w.Calls, w.Total, w.Squares = w.Calls+more.Calls, w.Total+more.Total, w.Squares+more.Squares
	return w
}

// since is what was done after the earlier one. When the server had forgotten the
// statement in between, that is all that it counts.
func (w Work) since(b Work) Work {
	if w.Calls < b.Calls || w.Total < b.Total || w.Squares < b.Squares {
		return w
	}
	w.Calls, w.Total, w.Squares = w.Calls-b.Calls, w.Total-b.Total, w.Squares-b.Squares
	return w
}

// Since is what was done after the earlier workload, with the time it took. Databases and
// statements of which that is not known, or which did nothing, are left out.
func (w Workload) Since(b Workload) (Workload, time.Duration) {
	d := Workload{At: w.At, Partial: w.Partial || b.Partial, Blind: w.Blind, Databases: map[string]Activity{}, Statements: map[string]Work{}}
	if d.Blind == "" {
		d.Blind = b.Blind
	}
	for name, a := range w.Databases {
		if a, known := a.Since(b.Databases[name]); known && a.Transactions() > 0 {
			d.Databases[name] = a
		}
	}
	for key, s := range w.Statements {
		was, there := b.Statements[key]
		if !there && (b.Partial || b.Blind != "") {
			continue
		}
		if s = s.since(was); s.Calls > 0 {
			d.Statements[key] = s
		}
	}
	return d, w.At.Sub(b.At)
}

// Counters is the workload without texts, for keeping: its statements are still known by their keys.
func (w Workload) Counters() Workload {
	w.Statements = maps.Clone(w.Statements)
	for key, s := range w.Statements {
		s.Database, s.User, s.Text = "", "", ""
		w.Statements[key] = s
	}
	return w
}

// readActivity takes the counters of every database that clients use.
func readActivity(ctx context.Context, conn *pgx.Conn, major int, w *Workload) error {
	fatal := "0"
	if major >= 14 {
		fatal = "s.sessions_fatal"
	}
	rows, err := conn.Query(ctx, `SELECT clock_timestamp(), d.datname, s.xact_commit, s.xact_rollback, s.deadlocks, `+fatal+`
		FROM pg_stat_database s JOIN pg_database d ON d.oid = s.datid WHERE NOT d.datistemplate`)
	if err != nil {
		return fmt.Errorf("read the server's counters: %w", err)
	}
	w.Databases = map[string]Activity{}
	var name string
	var a Activity
	if _, err := pgx.ForEachRow(rows, []any{&w.At, &name, &a.Commits, &a.Rollbacks, &a.Deadlocks, &a.Fatal}, func() error {
		w.Databases[name] = a
		return nil
	}); err != nil {
		return fmt.Errorf("read the server's counters: %w", err)
	}
	return nil
}
