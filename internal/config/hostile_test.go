package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// A file made to be slow is answered like any other: every way to grow it is bounded.
func TestHostileFiles(t *testing.T) {
	t.Parallel()
	many := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for name, text := range map[string]string{
		"unknown keys":  many("an-unknown-key-of-some-length-that-is-like-no-other-%d: x\n", 9_900),
		"wrong steps":   "steps:\n" + many("- {wiat: %d}\n", 6_000),
		"too many keys": many("k%d: x\n", 90_000),
		"brackets":      strings.Repeat("[", maxBytes),
		"indentation":   many("%d:\n", 1) + strings.Repeat(" ", maxBytes-10),
		"anchors":       "a: &a [x]\nb: [" + strings.Repeat("*a,", 300_000) + "]",
		"long word":     "maintenance: " + strings.Repeat("x", maxBytes-20),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ParsePlan("plan.yaml", []byte(text), &Config{})
			var problems Errors
			if !errors.As(err, &problems) {
				t.Fatalf("no problems but %v", err)
			}
			if len(problems) > maxProblems || len(err.Error()) > maxProblems*1000 {
				t.Errorf("%d problems in %d bytes", len(problems), len(err.Error()))
			}
		})
	}
}
