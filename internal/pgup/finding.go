package pgup

import (
	"fmt"
	"strings"

	"github.com/lullhq/lull/internal/checks"
)

// The entries of the configuration that findings are about: AboutTo of the plan's step and the others of the cluster.
const (
	AboutDSN       checks.About = "source.dsn"
	AboutTo        checks.About = "to"
	AboutBin       checks.About = "bin"
	AboutData      checks.About = "target.data"
	AboutPort      checks.About = "target.port"
	AboutSocketDir checks.About = "target.socket_dir"
	AboutCluster   checks.About = "cluster"
	AboutPooler    checks.About = "pooler." // and its name
)

func blocker(id, fix, format string, args ...any) checks.Finding {
	return checks.Finding{ID: id, Severity: checks.Blocker, Text: fmt.Sprintf(format, args...), Fix: fix}
}

func warning(id, fix, format string, args ...any) checks.Finding {
	f := blocker(id, fix, format, args...)
	f.Severity = checks.Warning
	return f
}

// sentence makes a finding's words of an error's hint.
func sentence(next string) string {
	if next == "" {
		return "See the log of what refuses."
	}
	return strings.ToUpper(next[:1]) + strings.TrimSuffix(next[1:], ".") + "."
}

// on says what the findings are about.
func on(what checks.About, found ...checks.Finding) []checks.Finding {
	for i := range found {
		found[i].About = what
	}
	return found
}
