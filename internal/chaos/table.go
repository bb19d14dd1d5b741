package chaos

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Report is what became of all cases.
type Report struct {
	Seed     uint64 `json:"seed"`
	Faults   int    `json:"faults"`
	Survived int    `json:"survived"`
	Lost     int    `json:"lost"` // acknowledged commits
	Skipped  int    `json:"skipped"`
	Missed   int    `json:"missed"` // the fault found nothing to harm
	Rows     []Row  `json:"rows"`
}

func reportOf(seed uint64, rows []Row) Report {
	r := Report{Seed: seed, Rows: rows}
	for _, row := range rows {
		r.Lost += row.Lost
		switch row.Ended {
		case "skipped":
			r.Skipped++
		case "missed":
			r.Missed++
		default:
			r.Faults++
		}
		if row.survived() {
			r.Survived++
		}
	}
	slices.SortStableFunc(r.Rows, func(a, b Row) int { return strings.Compare(a.Fault+"@"+a.Place, b.Fault+"@"+b.Place) })
	return r
}

// Sound says that all is as it must be.
func (r Report) Sound() bool { return r.Survived == r.Faults && r.Lost == 0 }

// String is the last line that is printed.
func (r Report) String() string {
	out := fmt.Sprintf("faults %d, survived %d, lost %d", r.Faults, r.Survived, r.Lost)
	if r.Skipped > 0 {
		out += fmt.Sprintf("; skipped, because this machine does not allow them: %d", r.Skipped)
	}
	if r.Missed > 0 {
		out += fmt.Sprintf("; came when there was nothing to harm: %d", r.Missed)
	}
	return out
}

// Write keeps the report as JSON.
func (r Report) Write(file string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if err := os.WriteFile(file, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// ReadReport reads what Write wrote. A file that is not there is an empty report.
func ReadReport(file string) (r Report, err error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, fmt.Errorf("read the report: %w", err)
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("read the report %s: %w", file, err)
	}
	return r, nil
}

// table tells people how each case went, as it goes.
type table struct {
	out   io.Writer
	seed  uint64 // of the harness
	began time.Time
	n, of int
}

func (t *table) begin(of int) {
	t.began, t.of = time.Now(), of
	fmt.Fprintf(t.out, "%9s  %-8s  %-29s  %-32s  %-10s %5s %8s  %s\n", "case", "verdict", "fault", "where", "ended", "lives", "took", "left")
}

func (t *table) add(r Row, kept string) {
	t.n++
	verdict := "survived"
	switch {
	case !r.counts():
		verdict = r.Ended
	case !r.survived():
		verdict = "FAILED"
	}
	left := time.Since(t.began) / time.Duration(t.n) * time.Duration(t.of-t.n)
	ended := r.Ended
	if len(r.Asked) > 0 && r.Error == "" {
		ended += " *" // after it had asked a person
	}
	fmt.Fprintf(t.out, "%4d/%-4d  %-8s  %-29s  %-32s  %-10s %5d %6.1f s  %s\n", t.n, t.of, verdict, faultNamed(r.Fault).title, r.Place, ended, r.Lives, r.Seconds, about(left))
	if r.Ended == "skipped" {
		fmt.Fprintf(t.out, "           %s\n", strings.Join(r.Notes, "; "))
	}
	if r.Error != "" {
		fmt.Fprintf(t.out, "           %s\n           all of it is in %s; repeat with: %s\n", strings.ReplaceAll(r.Error, "\n", "\n           "), kept, t.again(r))
	}
}

// again is what to type to have the same case once more, or the same cases in one upgrade.
func (t *table) again(r Row) string {
	var names []string
	for place := range strings.SplitSeq(r.Place, ", ") {
		names = append(names, r.Fault+"@"+place)
	}
	return fmt.Sprintf("make chaos SEED=%d ONLY='%s'", t.seed, strings.Join(names, ","))
}

func about(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%d s", int(d.Seconds()))
	}
	return fmt.Sprintf("%d min", int(d.Minutes()+0.5))
}
