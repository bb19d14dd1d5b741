package public

import "testing"

// Text on its ground keeps the contrast of WCAG 2.2, success criterion 1.4.3 (AA), in both colour schemes.
func TestContrast(t *testing.T) {
	t.Parallel()
	light, dark := schemes()
	for name, p := range map[string]palette{"light": light, "dark": dark} {
		for _, pair := range readable {
			if p[pair[0]] == "" || p[pair[1]] == "" {
				t.Errorf("%s: there is no colour %s or %s", name, pair[0], pair[1])
			}
			if got := contrast(p[pair[0]], p[pair[1]]); got < enough {
				t.Errorf("%s: %s on %s has a contrast of %.2f, want %.1f", name, pair[0], pair[1], got, enough)
			}
		}
		// The days of a strip are graphics: success criterion 1.4.11.
		for _, day := range []string{"day", "day-busy", "day-late", "day-down"} {
			if got := contrast(p[day], p["sheet"]); got < 3 {
				t.Errorf("%s: %s on the sheet has a contrast of %.2f, want 3", name, day, got)
			}
		}
	}
}
