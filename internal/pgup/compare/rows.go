package compare

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Options are how Rows goes about it. The zero value will do, but for Barrier.
type Options struct {
	// Publication names what is published; "" compares all permanent tables but Lull's own.
	Publication string
	// Barrier returns when everything that was committed on the source before the call is
	// applied on the target.
	Barrier func(context.Context) error
	// Jobs is how many chunks are read at once, each on both sides. Default 1. Where both servers run on this
	// machine it is as many as half of its processors, at most.
	Jobs int
	// ChunkBytes is about how much of a table one statement reads. Default 1 MB: a few
	// milliseconds, in which clients get what is left of the processor.
	ChunkBytes int64
	// Duty is the share of the time that a job works; for the rest it leaves the machine
	// to the clients. Default 1.
	Duty float64
	// Residue is how many differing rows of a table are looked for by key. Default 100.
	Residue int
	// Looks is how often a row is looked at again before it is given up as moving. Default 12.
	Looks int
	// Progress is told after every chunk, from several goroutines. May be nil.
	Progress func(Progress)
}

// Progress is how far Rows has come.
type Progress struct {
	Table       string
	Done, Total int64 // bytes, estimated from the chunks
}

// Verdict is what can be said of a table.
type Verdict string

// The verdicts.
const (
	// Equal: every row was seen equal on both sides.
	Equal Verdict = "equal"
	// Different: rows differ that did not change on the source meanwhile.
	Different Verdict = "different"
	// Moving: no row was found to differ, but some changed each time they were looked at.
	Moving Verdict = "moving"
	// Absent: the target does not have the table.
	Absent Verdict = "absent"
)

// RowReport is what Rows found.
type RowReport struct {
	Tables   []TableReport `json:"tables"`
	Rows     int64         `json:"rows"`
	Bytes    int64         `json:"bytes"`
	Took     time.Duration `json:"took"`
	Unstable []Unstable    `json:"unstable,omitempty"`
}

// TableReport is what was found in one table.
type TableReport struct {
	Table   string        `json:"table"`
	Verdict Verdict       `json:"verdict"`
	Rows    int64         `json:"rows"`  // on the source, counted on the way
	Bytes   int64         `json:"bytes"` // on the source
	Took    time.Duration `json:"took"`  // of reading, all jobs together
	// Differing counts the rows that differ; with AtLeast there may be more.
	Differing int64 `json:"differing"`
	AtLeast   bool  `json:"at_least,omitempty"`
	// Unsettled counts the rows that were never caught at rest. Without a key it is within
	// how many rows the table was last seen equal.
	Unsettled int64 `json:"unsettled,omitempty"`
	Residue   []Row `json:"residue,omitempty"`
	Keyless   bool  `json:"keyless,omitempty"` // its rows cannot be named
}

// Row is one that differs.
type Row struct {
	Key    []string `json:"key"`
	Change Change   `json:"change"`
}

// Unstable is a column whose text might differ where its value does not.
type Unstable struct {
	Table, Column, Type, Reason string
}

// Equal is true when every table is.
func (r RowReport) Equal() bool {
	for _, t := range r.Tables {
		if t.Verdict != Equal {
			return false
		}
	}
	return true
}

// Rows compares every published row while changes stream from the source to the target.
//
// It sums hashes over ranges of keys on both sides. Most are equal at the first look. The
// rows of the others are looked at one by one: what was in flight is equal soon after. A
// row differs when the target has another one after a barrier, and the source's own did
// not change from before the barrier until after the target was read, twice over.
// No statement reads more than a chunk, except on a table without a key.
func Rows(ctx context.Context, src, dst Connect, o Options) (RowReport, error) {
	began := time.Now()
	if o.Barrier == nil {
		return RowReport{}, errors.New("compare rows: no barrier given")
	}
	o = o.withDefaults()
	c, err := begin(ctx, src, dst, o)
	if err != nil {
		return RowReport{}, fmt.Errorf("compare rows: %w", err)
	}
	defer c.close()
	if err := c.run(ctx); err != nil {
		return RowReport{}, fmt.Errorf("compare rows: %w", err)
	}
	return c.report(time.Since(began)), nil
}

func (o Options) withDefaults() Options {
	o.Jobs = max(1, o.Jobs)
	if o.ChunkBytes <= 0 {
		o.ChunkBytes = 1 << 20
	}
	if o.Duty <= 0 || o.Duty > 1 {
		o.Duty = 1
	}
	if o.Residue <= 0 {
		o.Residue = 100
	}
	if o.Looks <= 0 {
		o.Looks = 12
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	return o
}
