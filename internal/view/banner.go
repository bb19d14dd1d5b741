package view

import (
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/maint"
)

// bannerLooks are the two things that is looked for on the pages of the sites, by the beginning of their figures.
var bannerLooks = []struct{ key, well, wrong string }{
	{"banner_live_", "was live on", "was on only"},
	{"banner_gone_", "was gone from", "was gone from only"},
}

// bannerSeen says on how many pages of the sites the banner was seen last, and on how many it was not to be seen any
// more: what went well when it was all of them.
func bannerSeen(f maint.Figures) (well, wrong []string) {
	for _, l := range bannerLooks {
		of, ok := f[l.key+"pages_of"]
		if !ok {
			continue
		}
		pages, sites := f[l.key+"pages"], f[l.key+"sites"]
		if pages < of || sites < f[l.key+"sites_of"] {
			wrong = append(wrong, fmt.Sprintf("The banner %s %s of %s when it was looked at last.", l.wrong, Count(pages), several(of, "page")))
			continue
		}
		text := fmt.Sprintf("The banner %s all %s of %s", l.well, several(of, "page"), several(sites, "site"))
		if v, ok := f[l.key+"after_s"]; ok {
			text += ", " + Length(time.Duration(v*float64(time.Second))) + " after it was published"
		}
		well = append(well, text+".")
	}
	return well, wrong
}
