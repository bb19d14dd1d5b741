// Package sites switches the banner of static sites on and off: a small data file in
// each site's repository, changed byte by byte, as one commit each, by running git.
//
// It must not know of databases, of the store, or of who reads the sites, and it takes
// the banner's words as they are given.
package sites

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/lullhq/lull/internal/hint"
)

// Site is the repository of a static site.
type Site struct {
	Name       string
	Repository string // a folder: the root of a working tree
	Banner     string // the data file, from that root
	URL        string // where the public sees the site
	Push       *bool  // nil: push when the repository has a remote
	Author     string // "Name <mail>", for when git knows nobody
}

// Banner is what the data file says.
type Banner struct {
	Enabled bool
	Text    string
	URL     string
}

// Check refuses what no site should be given, whatever its templates do with it.
func (b Banner) Check() error {
	if strings.TrimSpace(b.Text) == "" {
		return hint.Errorf("give the plan a title", "check the banner: it has no text")
	}
	u, err := url.Parse(b.URL)
	if err != nil {
		return hint.Errorf("use an address that begins with https://", "check the banner: its address cannot be read")
	}
	switch u.Scheme {
	case "", "http", "https":
		return nil
	}
	return hint.Wrap(fmt.Errorf("check the banner: it links to %s:, which is no web address", u.Scheme), "use an address that begins with https://")
}
