package pgup

import (
	"errors"
	"fmt"

	"github.com/lullhq/lull/internal/hint"
)

// Severity says what a finding means for the upgrade.
type Severity string

// Blockers stop it; warnings are for a person to weigh.
const (
	Blocker Severity = "blocker"
	Warning Severity = "warning"
)

// Finding is one thing that a check found wrong.
type Finding struct {
	ID       string   `json:"id"`
	Severity Severity `json:"severity"`
	Text     string   `json:"text"`
	Fix      string   `json:"fix"`
}

func blocker(id, fix, format string, args ...any) Finding {
	return Finding{ID: id, Severity: Blocker, Text: fmt.Sprintf(format, args...), Fix: fix}
}

func warning(id, fix, format string, args ...any) Finding {
	return Finding{ID: id, Severity: Warning, Text: fmt.Sprintf(format, args...), Fix: fix}
}

// refusal is the error for findings with blockers among them, and nil without.
func refusal(findings []Finding) error {
	var all []error
	first := ""
	for _, f := range findings {
		if f.Severity != Blocker {
			continue
		}
		all = append(all, fmt.Errorf("%s (%s)", f.Text, f.ID))
		if first == "" {
			first = f.Fix
		}
	}
	if len(all) == 0 {
		return nil
	}
	return hint.Wrap(errors.Join(all...), first)
}
