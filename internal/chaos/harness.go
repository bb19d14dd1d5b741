package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
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

	Together int  `json:"together"` // cases in the same maintenance, which share its seconds and what it lost
	faced    bool // the maintenance came to it
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
	h.catalogue = Catalogue(o.Seed, h.Writes, o.Moments)
	cases := Select(h.catalogue, o.Only, o.Cases, rand.New(rand.NewPCG(o.Seed, 1)))
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
	table     *table
	catalogue []Case
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

// all runs the cases, some in one maintenance, and some maintenances side by side.
func (h *harness) all(ctx context.Context, cases []Case) []Row {
	h.table.begin(len(cases))
	next := make(chan []Case)
	var mu sync.Mutex
	var rows []Row
	var hands sync.WaitGroup
	for range max(1, h.Parallel) {
		hands.Go(func() {
			for journey := range next {
				for r := range h.rowsOf(ctx, journey) {
					mu.Lock()
					rows = append(rows, r)
					h.table.add(r, h.where(journey))
					mu.Unlock()
				}
			}
		})
	}
	for _, journey := range journeys(cases, h.catalogue) {
		select {
		case next <- journey:
		case <-ctx.Done():
		}
	}
	close(next)
	hands.Wait()
	return rows
}

// rowsOf runs a journey. If it went wrong, each of its cases is done again on its own, which shows which of them it was; that it
// went wrong together counts all the same. What it did not come to is another journey.
func (h *harness) rowsOf(ctx context.Context, journey []Case) iter.Seq[Row] {
	return func(yield func(Row) bool) {
		rows := h.run(ctx, journey)
		if ctx.Err() != nil && !rows[0].survived() {
			return // stopped in the middle: it shows nothing
		}
		if len(journey) > 1 && (rows[0].Ended == "failed" || rows[0].Lost > 0) {
			together := rows[0]
			together.Place = placesOf(journey)
			if !yield(together) {
				return
			}
		}
		settled, again := sorted(journey, rows)
		for _, r := range settled {
			if !yield(r) {
				return
			}
		}
		for _, one := range again {
			for r := range h.rowsOf(ctx, one) {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// sorted gives what a journey has shown, and the journeys that are left of it.
func sorted(journey []Case, rows []Row) (settled []Row, again [][]Case) {
	if len(journey) == 1 {
		return rows, nil
	}
	var rest []Case
	for i, r := range rows {
		switch {
		case r.survived():
			settled = append(settled, r)
		case r.faced || r.Ended == "failed":
			again = append(again, journey[i:i+1])
		default:
			rest = append(rest, journey[i])
		}
	}
	if len(rest) > 0 {
		again = append(again, rest)
	}
	return settled, again
}

func placesOf(journey []Case) string {
	var all []string
	for _, c := range journey {
		all = append(all, c.Place)
	}
	return strings.Join(all, ", ")
}

// where a journey leaves what it printed.
func (h *harness) where(journey []Case) string {
	name := strings.NewReplacer("/", "-", " ", "-").Replace(journey[0].String())
	if more := len(journey) - 1; more > 0 {
		name += fmt.Sprintf("-and-%d-more", more)
	}
	return filepath.Join(h.Dir, name)
}

// run runs a journey in a world of its own.
func (h *harness) run(ctx context.Context, journey []Case) (rows []Row) {
	began := time.Now()
	t := newTrial(journey)
	ended, lost, err := h.in(ctx, t)
	var skip *skipped
	for _, r := range t.rows {
		r.Seconds, r.Lost, r.Ended = time.Since(began).Seconds()/float64(len(journey)), lost, ended
		switch {
		case errors.As(err, &skip):
			r.Ended, r.Notes = "skipped", append(r.Notes, skip.Error())
		case err != nil:
			r.Ended, r.Error = "failed", err.Error()
		case r.Strikes == 0 && len(r.Asked) > 0:
			r.Ended, r.Error = "failed", "nothing was done to it, and it needed a person: "+r.Asked[0]
		case r.Strikes == 0:
			r.Ended = "missed"
		}
		rows = append(rows, *r)
	}
	return rows
}

// skipped is a case that this machine does not allow.
type skipped struct{ error }

func (h *harness) in(ctx context.Context, t *trial) (ended string, lost int, err error) {
	dir := h.where(t.journey)
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return "", 0, err
	}
	if t.w, err = h.newWorld(ctx, dir); err != nil {
		return "", 0, fmt.Errorf("lay the ground: %w", err)
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
		return "", 0, err
	}
	if err := t.w.startClients(ctx); err != nil {
		return "", 0, err
	}
	before, err := t.w.fingerprint(ctx)
	if err != nil {
		return "", 0, fmt.Errorf("look at the source before: %w", err)
	}
	if ended, err = t.live(ctx); err != nil {
		lost, _ = t.w.clients.verify(ctx, true)
		return ended, lost, err
	}
	lost, err = t.verify(ctx, ended, before)
	return ended, lost, err
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

// cleanRun is a maintenance in which nothing goes wrong, and its way back. It names the writes of the journal in their order.
func (h *harness) cleanRun(ctx context.Context) (writes []string, err error) {
	c := Case{Fault: nothing, Place: "anywhere", Seed: h.Seed}
	t := newTrial([]Case{c})
	t.trace = filepath.Join(h.Dir, "writes")
	for _, of := range []string{"run", "rollback"} {
		if err := errors.Join(os.MkdirAll(h.Dir, 0o755), os.RemoveAll(t.trace+"."+of)); err != nil {
			return nil, err
		}
	}
	if _, _, err := h.in(ctx, t); err != nil {
		return nil, err
	}
	for _, of := range []struct{ verb, prefix string }{{"run", ""}, {"rollback", ofReturn}} {
		b, err := os.ReadFile(t.trace + "." + of.verb)
		if err != nil {
			return nil, fmt.Errorf("look what was written: %w", err)
		}
		for name := range strings.Lines(string(b)) {
			if name = of.prefix + strings.TrimSpace(name); !slices.Contains(writes, name) {
				writes = append(writes, name)
			}
		}
	}
	return writes, nil
}
