package ledger

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// String is the summary for people.
func (s Summary) String() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%d commits acknowledged, %d transactions failed, %d unknown.\n", s.Acked, s.Failed, s.Unknown)
	fmt.Fprintf(&out, "%d statements, %d failed%s. Half took at most %.1f ms, 99 in 100 at most %.1f ms", s.Statements, s.FailedStatements, states(s.States), s.P50Millis, s.P99Millis)
	if len(s.LongestMoments) > 0 {
		x := s.LongestMoments[0]
		fmt.Fprintf(&out, ", the longest %.1f ms (%s at %s)", x.Millis, x.Verb, x.At.Format("15:04:05.000 UTC"))
	}
	fmt.Fprintf(&out, ".\n%d stale reads, %d times a sequence went back.", s.StaleReads, s.SequencesBack)
	for _, f := range s.Findings {
		fmt.Fprintf(&out, "\n%s  %s in transaction %s: %s", f.At.Format("15:04:05.000 UTC"), f.Kind, f.Number, f.Text)
	}
	return out.String()
}

func states(counts map[string]int64) string {
	if len(counts) == 0 {
		return ""
	}
	var out []string
	for _, state := range slices.Sorted(maps.Keys(counts)) {
		out = append(out, fmt.Sprintf("%s %d times", state, counts[state]))
	}
	return " (" + strings.Join(out, ", ") + ")"
}

// String is the verdict for people.
func (v Verdict) String() string {
	var out strings.Builder
	if v.Lost.Count == 0 {
		fmt.Fprintf(&out, "All %d acknowledged commits are there.", v.Acked)
	} else {
		fmt.Fprintf(&out, "Of %d acknowledged commits, %d are lost.", v.Acked, v.Lost.Count)
	}
	for _, x := range []struct {
		what string
		is   Numbers
	}{
		{"Lost", v.Lost},
		{"There more than once", v.Doubled},
		{"There with another sequence value than was acknowledged", v.Changed},
		{"There although the server said that they failed", v.Revived},
		{"There with a sequence value that was given twice", v.SameSeq},
	} {
		if x.is.Count > 0 {
			fmt.Fprintf(&out, "\n%s: %s", x.what, x.is)
		}
	}
	if n := v.UnknownThere + v.UnknownNotThere; n > 0 {
		fmt.Fprintf(&out, "\n%d ended unknown: %d of them are there.", n, v.UnknownThere)
	}
	if v.Unrecorded > 0 {
		fmt.Fprintf(&out, "\n%d are there that the file does not have: the ledger ended before it could note them.", v.Unrecorded)
	}
	return out.String()
}

// String names the transactions as client/number.
func (n Numbers) String() string {
	var out []string
	for _, x := range n.First {
		out = append(out, x.String())
	}
	if more := n.Count - len(n.First); more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(out, ", ")
}
