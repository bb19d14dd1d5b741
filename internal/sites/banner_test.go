package sites

import (
	"testing"

	"github.com/lullhq/lull/internal/hint"
)

func TestBannerCheck(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "#", "/status", "https://example.com/"} {
		if err := Check(Banner{Text: "x", URL: url}); err != nil {
			t.Errorf("%q: %v", url, err)
		}
	}
	for _, b := range []Banner{{Text: " "}, {Text: "x", URL: "javascript:alert(1)"}, {Text: "x", URL: "JavaScript:alert(1)"}, {Text: "x", URL: "http://[::1"}} {
		if err := Check(b); err == nil || hint.Of(err) == "" {
			t.Errorf("%+v passed", b)
		}
	}
}
