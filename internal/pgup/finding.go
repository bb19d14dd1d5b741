package pgup

import (
	"errors"
	"fmt"
	"strings"

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
	About    About    `json:"-"`
	Where    string   `json:"where,omitempty"` // "plan.yaml:9:33", or a server's address
	Text     string   `json:"text"`
	Fix      string   `json:"fix"`
}

// About is the entry of the configuration that a finding speaks of: whoever knows the
// files can say where it stands. It is empty for what is wrong on a server.
type About string

// The entries, AboutTo of the plan's step and the others of the cluster.
const (
	AboutDSN       About = "source.dsn"
	AboutTo        About = "to"
	AboutBin       About = "bin"
	AboutData      About = "target.data"
	AboutPort      About = "target.port"
	AboutSocketDir About = "target.socket_dir"
	AboutCluster   About = "cluster"
	AboutPooler    About = "pooler." // and its name
)

func blocker(id, fix, format string, args ...any) Finding {
	return Finding{ID: id, Severity: Blocker, Text: fmt.Sprintf(format, args...), Fix: fix}
}

func warning(id, fix, format string, args ...any) Finding {
	return Finding{ID: id, Severity: Warning, Text: fmt.Sprintf(format, args...), Fix: fix}
}

// sentence makes a finding's words of an error's hint.
func sentence(next string) string {
	if next == "" {
		return "See the log of what refuses."
	}
	return strings.ToUpper(next[:1]) + strings.TrimSuffix(next[1:], ".") + "."
}

// on says what the findings are about.
func on(what About, found ...Finding) []Finding {
	for i := range found {
		found[i].About = what
	}
	return found
}

func (f Finding) String() string {
	if f.Where == "" {
		return f.Text
	}
	return f.Where + ": " + f.Text
}

// Refusal is the error for findings with blockers among them, and nil without.
func Refusal(findings []Finding) error {
	var all []Finding
	for _, f := range findings {
		if f.Severity == Blocker {
			all = append(all, f)
		}
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return hint.Errorf(all[0].Fix, "%s (%s)", all[0], all[0].ID)
	}
	var lines []string
	for _, f := range all {
		lines = append(lines, fmt.Sprintf("%s (%s)\n    %s", f, f.ID, f.Fix))
	}
	return hint.Wrap(errors.New(strings.Join(lines, "\n")), "do what stands above, then type the same command again")
}
