package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options say which cases are run, and how.
type Options struct {
	Seed     uint64
	Only     []string // faults, places or names of cases; none: all
	Cases    int      // at most; 0: all
	Parallel int
	Moments  int      // at which lull is killed at random
	Writes   []string // of the journal, by name; nil: those of a clean run that is made first
	Dir      string   // for what is to be read afterwards
	Out      io.Writer
	Done     []Row // of an earlier run with the same seed: what survived there is not done again
}

// Row is what became of a case.
type Row struct {
	Fault   string   `json:"fault"`
	Place   string   `json:"phase"`
	Seed    uint64   `json:"seed"`
	Ended   string   `json:"ended"` // completed, aborted, skipped, missed or failed
	Asked   []string `json:"asked,omitempty"`
	Notes   []string `json:"notes,omitempty"`
	Strikes int      `json:"strikes"` // how often it was really done
	Lives   int      `json:"lives"`
	Seconds float64  `json:"seconds"`
	Lost    int      `json:"lost"`
	Error   string   `json:"error,omitempty"`
}

// Counts says whether the fault happened.
func (r Row) counts() bool { return r.Ended != "skipped" && r.Ended != "missed" }

func (r Row) survived() bool { return r.counts() && r.Error == "" && r.Lost == 0 }

// Run runs the cases and reports each. The error is of the harness: what lull does wrong is in the report.
func Run(ctx context.Context, o Options) (_ Report, err error) {
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return Report{}, fmt.Errorf("find the folder for what fails: %w", err)
	}
	p, err := newPrograms()
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	g, err := lay(ctx, p)
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, g.close()) }()
	h := &harness{Options: o, ground: g, table: &table{out: o.Out, seed: o.Seed}}
	if o.Writes == nil && h.wantsWrites() {
		if h.Writes, err = h.cleanRun(ctx); err != nil {
			return Report{}, fmt.Errorf("a run in which nothing goes wrong: %w", err)
		}
	}
	cases := Select(Catalogue(o.Seed, h.Writes, o.Moments), o.Only, o.Cases, rand.New(rand.NewPCG(o.Seed, 1)))
	if len(cases) == 0 {
		return Report{}, fmt.Errorf("no case is called %s", strings.Join(o.Only, " or "))
	}
	cases, rows := without(cases, o.Done)
	rows = append(rows, h.all(ctx, cases)...)
	return reportOf(o.Seed, rows), ctx.Err()
}

// without leaves out the cases that have survived already, and gives their rows.
func without(cases []Case, done []Row) (left []Case, kept []Row) {
	survived := map[string]Row{}
	for _, r := range done {
		if r.survived() {
			survived[r.Fault+"@"+r.Place] = r
		}
	}
	for _, c := range cases {
		if r, ok := survived[c.String()]; ok {
			kept = append(kept, r)
		} else {
			left = append(left, c)
		}
	}
	return left, kept
}

type harness struct {
	Options
	*ground
	table *table
}

// wantsWrites says whether the names of the journal's writes matter for the choice.
func (h *harness) wantsWrites() bool {
	if len(h.Only) == 0 {
		return true
	}
	return slices.ContainsFunc(h.Only, func(word string) bool {
		fault, _, _ := strings.Cut(word, "@")
		return fault == killAtWrite
	})
}

// all runs the cases, some side by side.
func (h *harness) all(ctx context.Context, cases []Case) []Row {
	h.table.begin(len(cases))
	next := make(chan Case)
	var mu sync.Mutex
	var rows []Row
	var hands sync.WaitGroup
	for range max(1, h.Parallel) {
		hands.Go(func() {
			for c := range next {
				r := h.one(ctx, c)
				if ctx.Err() != nil && !r.survived() {
					continue // stopped in the middle: it shows nothing
				}
				mu.Lock()
				rows = append(rows, r)
				h.table.add(r, h.where(c))
				mu.Unlock()
			}
		})
	}
	for _, c := range cases {
		select {
		case next <- c:
		case <-ctx.Done():
		}
	}
	close(next)
	hands.Wait()
	return rows
}

// where a case leaves what it printed.
func (h *harness) where(c Case) string {
	return filepath.Join(h.Dir, strings.NewReplacer("/", "-", " ", "-").Replace(c.String()))
}

// one runs a case in a world of its own.
func (h *harness) one(ctx context.Context, c Case) (r Row) {
	began := time.Now()
	r = Row{Fault: c.Fault, Place: c.Place, Seed: c.Seed}
	t := &trial{c: c, f: faultNamed(c.Fault), random: c.random()}
	err := h.in(ctx, t, &r)
	r.Asked, r.Notes, r.Strikes, r.Lives, r.Seconds = t.asked, t.notes, t.strikes, t.lives, time.Since(began).Seconds()
	var skip *skipped
	switch {
	case errors.As(err, &skip):
		r.Ended, r.Notes = "skipped", append(r.Notes, skip.Error())
	case err != nil:
		r.Ended, r.Error = "failed", err.Error()
	case t.strikes == 0 && len(t.asked) > 0:
		r.Ended, r.Error = "failed", "nothing was done to it, and it needed a person: "+t.asked[0]
	case t.strikes == 0:
		r.Ended = "missed"
	}
	return r
}

// skipped is a case that this machine does not allow.
type skipped struct{ error }

func (h *harness) in(ctx context.Context, t *trial, r *Row) (err error) {
	dir := h.where(t.c)
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return err
	}
	if t.w, err = h.newWorld(ctx, dir); err != nil {
		return fmt.Errorf("lay the ground: %w", err)
	}
	defer func() {
		t.release()
		if err != nil {
			t.log(err)
		}
		err = errors.Join(err, t.w.close(context.WithoutCancel(ctx)))
		if err == nil {
			err = os.RemoveAll(dir)
		}
	}()
	if err := h.equip(ctx, t); err != nil {
		return err
	}
	if err := t.w.startClients(ctx); err != nil {
		return err
	}
	before, err := t.w.fingerprint(ctx)
	if err != nil {
		return fmt.Errorf("look at the source before: %w", err)
	}
	if r.Ended, err = t.live(ctx); err != nil {
		r.Lost, _ = t.w.clients.verify(ctx, true)
		return err
	}
	r.Lost, err = t.verify(ctx, r.Ended, before)
	return err
}

// equip gives a world what its fault needs.
func (h *harness) equip(ctx context.Context, t *trial) (err error) {
	build := h.programs.lull
	if t.f.clock {
		build = h.programs.jumper
	}
	if t.w.lull, err = build(ctx); err != nil {
		return err
	}
	if t.f.disk {
		if t.w.disk, err = newDisk(ctx, t.w.spot, t.w.old.Owner); err != nil {
			return &skipped{err}
		}
	}
	return nil
}

// cleanRun is a maintenance in which nothing goes wrong, and its way back. It names the writes of the journal.
func (h *harness) cleanRun(ctx context.Context) (writes []string, err error) {
	c := Case{Fault: nothing, Place: "anywhere", Seed: h.Seed}
	t := &trial{c: c, f: faultNamed(c.Fault), random: c.random(), trace: filepath.Join(h.Dir, "writes")}
	for _, of := range []string{"run", "rollback"} {
		if err := errors.Join(os.MkdirAll(h.Dir, 0o755), os.RemoveAll(t.trace+"."+of)); err != nil {
			return nil, err
		}
	}
	var r Row
	if err := h.in(ctx, t, &r); err != nil {
		return nil, err
	}
	for prefix, of := range map[string]string{"": "run", ofReturn: "rollback"} {
		b, err := os.ReadFile(t.trace + "." + of)
		if err != nil {
			return nil, fmt.Errorf("look what was written: %w", err)
		}
		for _, name := range strings.Split(strings.TrimSpace(string(b)), "\n") {
			writes = append(writes, prefix+name)
		}
	}
	slices.Sort(writes)
	return writes, nil
}
