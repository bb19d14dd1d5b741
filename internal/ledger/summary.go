package ledger

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"
)

// Summary is what a ledger saw while it wrote.
type Summary struct {
	Run     string    `json:"run"`
	Clients int       `json:"clients"`
	Rate    float64   `json:"rate"`
	Started time.Time `json:"started"`
	Seen    time.Time `json:"seen"`           // when this was written
	Ended   time.Time `json:"ended,omitzero"` // missing while it runs, or when it was killed

	Acked   int64 `json:"acked"`
	Failed  int64 `json:"failed"`
	Unknown int64 `json:"unknown"` // Verify settles them

	Statements       int64            `json:"statements"`
	FailedStatements int64            `json:"failed_statements"`
	States           map[string]int64 `json:"states"` // of failed statements, by SQLSTATE, "lost" or "timeout"

	StaleReads     int64     `json:"stale_reads"`
	SequencesBack  int64     `json:"sequences_back"`
	Findings       []Finding `json:"findings"` // the first of them
	P50Millis      float64   `json:"p50_ms"`
	P99Millis      float64   `json:"p99_ms"`
	MaxMillis      float64   `json:"max_ms"`
	LongestMoments []Moment  `json:"longest"`
}

// Moment is a statement that took long.
type Moment struct {
	At     time.Time `json:"at"`
	Millis float64   `json:"ms"`
	Verb   Verb      `json:"verb"`
}

// Kind is what a finding is about.
type Kind string

// The two promises that are watched while writing.
const (
	StaleRead    Kind = "stale read"         // an acknowledged commit was not visible
	SequenceBack Kind = "sequence went back" // a value was not above those acknowledged before
)

// Finding is a promise that the database broke.
type Finding struct {
	At     time.Time `json:"at"`
	Kind   Kind      `json:"kind"`
	Number Number    `json:"number"`
	Text   string    `json:"text"`
}

// Sound says that nothing failed and no promise was broken.
func (s Summary) Sound() bool {
	return s.Failed == 0 && s.Unknown == 0 && s.FailedStatements == 0 && s.StaleReads == 0 && s.SequencesBack == 0
}

const keptFindings, keptLongest = 20, 20

// tally counts for the summary, in a memory that does not grow.
type tally struct {
	sum     Summary
	times   histogram
	longest []Statement // longest first
}

func newTally(h header) tally {
	return tally{sum: Summary{Run: h.Run, Clients: h.Clients, Rate: h.Rate, Started: h.Started, States: map[string]int64{}, Findings: []Finding{}}}
}

func (t *tally) outcome(e entry) {
	switch e.Outcome {
	case Acked:
		t.sum.Acked++
	case Failed:
		t.sum.Failed++
	case Unknown:
		t.sum.Unknown++
	}
}

func (t *tally) statement(s Statement) {
	t.sum.Statements++
	if s.State != "" {
		t.sum.FailedStatements++
		t.sum.States[s.State]++
	}
	t.times.add(s.Took)
	if len(t.longest) == keptLongest && t.longest[keptLongest-1].Took >= s.Took {
		return
	}
	at, _ := slices.BinarySearchFunc(t.longest, s, func(a, b Statement) int { return cmp.Compare(b.Took, a.Took) })
	t.longest = slices.Insert(t.longest, at, s)
	t.longest = t.longest[:min(len(t.longest), keptLongest)]
}

func (t *tally) found(f Finding) {
	if f.Kind == StaleRead {
		t.sum.StaleReads++
	} else {
		t.sum.SequencesBack++
	}
	if len(t.sum.Findings) < keptFindings {
		t.sum.Findings = append(t.sum.Findings, f)
	}
}

func (t *tally) summary(now time.Time) Summary {
	s := t.sum
	s.Seen, s.States, s.Findings = now.UTC(), maps.Clone(s.States), slices.Clone(s.Findings)
	s.P50Millis, s.P99Millis, s.MaxMillis = millis(t.times.quantile(.5)), millis(t.times.quantile(.99)), millis(t.times.max)
	s.LongestMoments = make([]Moment, len(t.longest))
	for i, x := range t.longest {
		s.LongestMoments[i] = Moment{At: x.Start.UTC(), Millis: millis(x.Took), Verb: x.Verb}
	}
	return s
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// SummaryFile is where the ledger of a file keeps its summary, renewed each second so that a
// ledger that is killed leaves one.
func SummaryFile(file string) string { return file + ".summary" }

func writeSummary(file string, s Summary) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the ledger's summary: %w", err)
	}
	path := SummaryFile(file)
	if err := os.WriteFile(path+".new", append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the ledger's summary: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write the ledger's summary: %w", err)
	}
	return nil
}

// ReadSummary reads the summary of the ledger that kept the file.
func ReadSummary(file string) (Summary, error) {
	var s Summary
	b, err := os.ReadFile(SummaryFile(file))
	if err != nil {
		return s, fmt.Errorf("read the ledger's summary: %w", err)
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, fmt.Errorf("read the ledger's summary: %w", err)
	}
	return s, nil
}
