package public

import (
	"math"
	"regexp"
	"strconv"
	"testing"
)

// Text on its ground keeps the contrast of WCAG 2.2, success criterion 1.4.3 (AA), in both colour schemes.
func TestContrast(t *testing.T) {
	t.Parallel()
	css, err := assetFiles.ReadFile("assets/page.css")
	if err != nil {
		t.Fatal(err)
	}
	pairs := [][2]string{
		{"ink", "paper"}, {"ink", "sheet"}, {"soft", "paper"}, {"soft", "sheet"}, {"ink", "late-tint"},
		{"soft", "busy-tint"}, {"soft", "late-tint"}, {"ink", "busy-tint"},
		{"calm", "calm-tint"}, {"busy", "busy-tint"}, {"done", "done-tint"}, {"late", "late-tint"},
	}
	blocks := regexp.MustCompile(`(?s):root \{(.*?)\n\s*\}`).FindAllSubmatch(css, -1)
	if len(blocks) != 2 {
		t.Fatalf("found %d colour schemes, want 2", len(blocks))
	}
	for i, scheme := range []string{"light", "dark"} {
		colours := map[string]string{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6})`).FindAllSubmatch(blocks[i][1], -1) {
			colours[string(m[1])] = string(m[2])
		}
		for _, p := range pairs {
			if got := contrast(luminance(t, colours[p[0]]), luminance(t, colours[p[1]])); got < 4.5 {
				t.Errorf("%s: %s on %s has a contrast of %.2f, want 4.5", scheme, p[0], p[1], got)
			}
		}
	}
}

func contrast(a, b float64) float64 {
	return (max(a, b) + 0.05) / (min(a, b) + 0.05)
}

func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		t.Fatalf("colour %q: %v", hex, err)
	}
	channel := func(shift uint) float64 {
		c := float64(n>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(16) + 0.7152*channel(8) + 0.0722*channel(0)
}
