package view

import (
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/maint"
)

func TestWhatTheReportSaysOfTheBanner(t *testing.T) {
	t.Parallel()
	live := func(prefix string, sites, pages, of, after float64) maint.Figures {
		f := maint.Figures{prefix + "sites": sites, prefix + "sites_of": 4, prefix + "pages": pages, prefix + "pages_of": of}
		if after > 0 {
			f[prefix+"after_s"] = after
		}
		return f
	}
	for name, c := range map[string]struct {
		figures     maint.Figures
		well, wrong string
	}{
		"nobody looked":   {maint.Figures{}, "", ""},
		"live everywhere": {live("banner_live_", 4, 213, 213, 41), "The banner was live on all 213 pages of 4 sites, 41 s after it was published.", ""},
		"live, no push":   {live("banner_live_", 4, 213, 213, 0), "The banner was live on all 213 pages of 4 sites.", ""},
		"not on all":      {live("banner_live_", 3, 200, 213, 0), "", "The banner was on only 200 of 213 pages when it was looked at last."},
		"gone":            {live("banner_gone_", 4, 213, 213, 2), "The banner was gone from all 213 pages of 4 sites, 2.0 s after it was published.", ""},
		"still on some":   {live("banner_gone_", 3, 212, 213, 0), "", "The banner was gone from only 212 of 213 pages when it was looked at last."},
	} {
		well, wrong := bannerSeen(c.figures)
		if got := strings.Join(well, " "); got != c.well {
			t.Errorf("%s: well %q", name, got)
		}
		if got := strings.Join(wrong, " "); got != c.wrong {
			t.Errorf("%s: wrong %q", name, got)
		}
	}
}
