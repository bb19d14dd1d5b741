package security_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lullhq/lull/internal/security"
)

func TestNewVerifier(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		password := rapid.StringMatching(`[ -~]{1,20}`).Draw(rt, "password")
		verifier, err := security.NewVerifier(password)
		if err != nil || !security.Proves(verifier, "web", password) || security.Proves(verifier, "web", password+"x") {
			rt.Errorf("%q gives %q, %v", password, verifier, err)
		}
		if len(password) > 3 && strings.Contains(verifier, password) {
			rt.Errorf("%q is in its verifier %q", password, verifier)
		}
	})
	for _, bad := range []string{"", "a\tb", "grün", "a\nb"} {
		if _, err := security.NewVerifier(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
