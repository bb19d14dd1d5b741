// Package sites brings the banner to static sites and takes it away again: a small data file in each site's
// repository, or in a theme that sites share, changed byte by byte, as one commit each, by running git.
//
// It must not know of databases, of the store, or of who reads the sites, and it takes
// the banner's words as they are given.
package sites

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/sites/datafile"
)

// Site is a static site, and how the banner gets there: exactly one of Banner, Theme, Snippet and Hook is set.
type Site struct {
	Name       string
	Repository string        // a folder, the root of a working tree; or the address of a git remote
	Clone      string        // the folder of Lull's own clone, for a repository that is no folder, and for pull requests
	Branch     string        // that the public's site is built from, "" = the one that is checked out, or the remote's own
	Banner     string        // the data file, from that root
	Theme      *Theme        // the data file is in there, and the site names a commit of it
	Pin        string        // the file by which it does, "" = it is found
	Snippet    bool          // the pages load Lull's script, and nothing is to be done
	Hook       *Hook         // commands of the operator's
	Schedule   string        // CloudCannon's _schedule.txt, from the root, "" = it is not written
	Pull       *Pull         // the change is proposed and not pushed
	URL        string        // where the public sees the site
	Sitemap    string        // "" = it is looked for
	Script     string        // of a site with the embed script: its address
	Push       *bool         // nil: push when the repository has a remote
	Author     string        // "Name <mail>", for when git knows nobody
	LiveWithin time.Duration // how long the banner's step waits for it to be live, 0 = it does not look
}

// How is the way on which the banner gets there, in a word or two.
func (s Site) How() string {
	switch {
	case s.Theme != nil:
		return "theme " + s.Theme.Name
	case s.Snippet:
		return "snippet"
	case s.Hook != nil:
		return "hook"
	case s.Pull != nil:
		return "data, by pull request"
	}
	return "data"
}

// Theme is the repository of a theme that sites share.
type Theme struct {
	Name       string
	Repository string
	Clone      string
	Branch     string
	Banner     string
	Author     string
}

// Banner is what the data file says.
type Banner = datafile.Banner

// Check refuses what no site should be given, whatever its templates do with it.
func Check(b Banner) error {
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
