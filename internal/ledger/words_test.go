package ledger

import (
	"testing"
	"time"

	"github.com/lullhq/lull/internal/golden"
)

func TestWords(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 12, 5, 4, 0, 0, 0, time.UTC)
	good := Summary{Acked: 4711, Statements: 18844, P50Millis: .3, P99Millis: 9.1, MaxMillis: 31.6, LongestMoments: []Moment{{At: at, Millis: 31.6, Verb: Begin}}}
	bad := Summary{Acked: 10, Failed: 2, Unknown: 1, Statements: 50, FailedStatements: 3, States: map[string]int64{"57P01": 2, "lost": 1},
		StaleReads: 1, SequencesBack: 1, Findings: []Finding{{At: at, Kind: SequenceBack, Number: Number{1, 7}, Text: "the sequence gave 4 after 9 was acknowledged"}}}
	whole := Verdict{Acked: 4711, Found: 4711}
	broken := Verdict{Acked: 500, Found: 380, UnknownThere: 1, UnknownNotThere: 2, Unrecorded: 4}
	for i := range 120 {
		broken.Lost.add(Number{1, int64(i + 1)})
	}
	for _, n := range []*Numbers{&broken.Doubled, &broken.Changed, &broken.Revived, &broken.SameSeq} {
		n.add(Number{2, 8})
	}
	got := good.String() + "\n\n" + bad.String() + "\n\n" + whole.String() + "\n\n" + broken.String() + "\n"
	golden.Equal(t, "words.txt", got)
}
