package probe

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/maint"
)

// finding writes one look as a letter: w(ell), d(egraded), p(artial), m(ajor).
func finding(letter byte, at time.Time) Finding {
	impact := map[byte]maint.Impact{'w': maint.Operational, 'd': maint.DegradedPerformance, 'p': maint.PartialOutage, 'm': maint.MajorOutage}[letter]
	f := Finding{Began: at, Impact: impact}
	if impact != maint.Operational {
		f.Public, f.Err = "found "+string(letter), fmt.Errorf("found %c", letter)
	}
	return f
}

var begin = time.Date(2026, 12, 5, 4, 0, 0, 0, time.UTC)

func second(i int) time.Time { return begin.Add(time.Duration(i) * time.Second) }

// judged gives what was certain after each look: a letter, "." as long as nothing is.
func judged(looks string, confirm int) (certain string, j judge) {
	letter := map[maint.Impact]string{maint.Operational: "w", maint.DegradedPerformance: "d", maint.PartialOutage: "p", maint.MajorOutage: "m"}
	for i := range len(looks) {
		j.take(finding(looks[i], second(i)), confirm)
		if !j.known {
			certain += "."
			continue
		}
		certain += letter[j.impact]
	}
	return certain, j
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		looks   string
		confirm int
		certain string
		since   int // the look from which on the last of it holds
	}{
		{"wwmmww", 2, ".wwmmw", 4},
		{"wwmwmw", 2, ".wwwww", 0},
		{"wmw", 1, "wmw", 2},
		{"mm", 2, ".m", 0},
		{"wmmw", 2, "..mm", 1},     // a beginning that is unsure
		{"wwdmdm", 2, ".wwddd", 2}, // worse in several ways: the mildest of them is certain
		{"wwwmdm", 3, "..wwwd", 3},
		{"mmdwdw", 2, ".mmddd", 2}, // better in several ways: the worst of them is
		{"mmwdww", 2, ".mmddw", 4},
		{"ddmwmw", 2, ".ddddd", 0}, // now worse, now better
	} {
		certain, j := judged(c.looks, c.confirm)
		if certain != c.certain || j.since != second(c.since) {
			t.Errorf("%s by %d: %s since %s, want %s since %d", c.looks, c.confirm, certain, j.since.Format("05"), c.certain, c.since)
		}
	}
}

// Whatever the looks are: what is certain began with the first of enough looks in a row, each
// of which bears it out.
func FuzzJudge(f *testing.F) {
	f.Add("wwmmww", uint8(2))
	f.Add("mdpwdm", uint8(3))
	f.Fuzz(func(t *testing.T, looks string, confirm uint8) {
		n := int(confirm%5) + 1
		if strings.Trim(looks, "wdpm") != "" {
			return
		}
		var j judge
		for i := range len(looks) {
			before := j
			if !j.take(finding(looks[i], second(i)), n) {
				continue
			}
			if i+1 < n || j.since != second(i+1-n) {
				t.Fatalf("%q by %d: certain at look %d since %s", looks, n, i, j.since.Format("05"))
			}
			for k := i + 1 - n; k <= i; k++ {
				seen := finding(looks[k], second(k)).Impact
				worsened := before.known && worse(j.impact, before.impact)
				if !before.known && seen != j.impact || worsened && worse(j.impact, seen) || before.known && !worsened && worse(seen, j.impact) {
					t.Fatalf("%q by %d: look %d does not bear out %s", looks, n, k, j.impact)
				}
			}
		}
	})
}
