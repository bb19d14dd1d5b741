package security_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/security"
)

// A check tells a stranger all that it has to.
func TestCatalogueIsWhole(t *testing.T) {
	t.Parallel()
	for _, c := range security.Catalogue() {
		if c.ID == "" || c.Title == "" || c.Topic == "" || c.Group != checks.Security || !slices.Contains(checks.Severities, c.Severity) {
			t.Errorf("%s lacks something: %+v", c.ID, c)
		}
		if (c.SQL == "") != (c.How != "") {
			t.Errorf("%s says not, or twice, how it is seen", c.ID)
		}
		for _, text := range []string{c.Why, c.Fix, c.Breaks} {
			if !strings.HasSuffix(text, ".") {
				t.Errorf("%s: no sentence: %q", c.ID, text)
			}
		}
		if strings.HasSuffix(c.Title, ".") {
			t.Errorf("%s: its title is a sentence", c.ID)
		}
	}
}
