package preflight_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/golden"
	"github.com/lullhq/lull/internal/pgup/preflight"
	"github.com/lullhq/lull/internal/security"
)

func TestPage(t *testing.T) {
	t.Parallel()
	golden.Equal(t, "../../../../docs/checks.md", preflight.Page()+security.Page())
}

// A name stands for one thing, in both parts of the page.
func TestNamesDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range slices.Concat(preflight.Catalogue(), security.Catalogue()) {
		if seen[c.ID] {
			t.Errorf("%s is there twice", c.ID)
		}
		seen[c.ID] = true
	}
}

// A check tells a stranger all that it has to.
func TestCatalogueIsWhole(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range preflight.Catalogue() {
		if seen[c.ID] {
			t.Errorf("%s is there twice", c.ID)
		}
		seen[c.ID] = true
		if c.ID == "" || c.Title == "" || c.Why == "" || c.Fix == "" || !slices.Contains(checks.Severities, c.Severity) {
			t.Errorf("%s lacks something: %+v", c.ID, c)
		}
		if (c.SQL == "" && c.Look == nil) != (c.How != "") && c.Look == nil {
			t.Errorf("%s says not, or twice, how it is seen", c.ID)
		}
		for _, text := range []string{c.Why, c.Fix, c.Lull, c.How} {
			if text != "" && !strings.HasSuffix(text, ".") {
				t.Errorf("%s: no sentence: %q", c.ID, text)
			}
		}
		if strings.HasSuffix(c.Title, ".") {
			t.Errorf("%s: its title is a sentence", c.ID)
		}
	}
}

// What is found by code elsewhere has a test there that knows it by its name.
func TestElsewhereIsTested(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("git", "ls-files", "../../*_test.go", "../../*.txtar").Output()
	if err != nil {
		t.Skip("not in a checkout")
	}
	var all strings.Builder
	for _, file := range strings.Fields(string(out)) {
		if strings.Contains(file, "preflight_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	for _, c := range preflight.Catalogue() {
		if c.SQL == "" && c.Look == nil && !strings.Contains(all.String(), c.ID) && !slices.Contains(byName, c.ID) {
			t.Errorf("%s is in no test", c.ID)
		}
	}
}

// byName are tested by the names of their constants, in the packages of the gates.
var byName = []string{
	"pooler-login", "pooler-admin", "pooler-version", "pooler-siblings", "pooler-paused", "pooler-session", "pooler-wait", "pooler-file",
	"pooler-file-other", "pooler-file-write", "pooler-entries", "pooler-target", "pooler-signal",
	"hook-program", "hook-where", "hook-held", "hook-target", "hook-budget",
}
