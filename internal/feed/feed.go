// Package feed turns the page's model into the bytes that machines read: Statuspage's
// API, Atom, RSS, JSON Feed, iCalendar, badges and the notices of the banner.
//
// Everything is a pure function of the model, and each format is written by an encoder
// of its own: no text is ever put into another by concatenation. It must not know of
// HTTP, of where files lie, or of a clock; ids depend on nothing but what they name.
package feed

import (
	"crypto/sha256"
	"encoding/base32"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/phrase"
)

// Origin is whose words these are and where they are published.
type Origin struct {
	Name string // of the organization
	URL  string // of the page, without a slash at its end
	Lang string // of what is said about the words themselves: titles, labels, states; "" = English
	// Strict leaves out of Statuspage's API what its documentation does not list, though its
	// pages send it: the indicator and the impact "maintenance" are "none" then.
	Strict bool
}

// most is how many items an answer has: Statuspage's own bound for its lists.
const most = 50

// host is the name under which ids are made.
func (o Origin) host() string {
	if u, err := url.Parse(o.URL); err == nil && u.Hostname() != "" {
		return strings.ToLower(u.Hostname())
	}
	return "localhost"
}

// tag makes an id that stays the same for ever (RFC 4151): minted is when what it names came up.
func (o Origin) tag(minted time.Time, specific string) string {
	host := o.host()
	if strings.Contains(host, ":") { // an IPv6 address is no authority
		host = "localhost"
	}
	return "tag:" + host + "," + minted.UTC().Format("2006-01-02") + ":" + specific
}

// words are Lull's own, in the language of the origin. Statuspage's API is English whatever that is: its clients match on words.
func (o Origin) words() *phrase.Catalogue { return phrase.In(o.Lang) }

func (o Origin) say(key string, pairs ...any) string {
	return o.words().Text(phrase.Say(key, pairs...))
}

// link is the address of a page.
func (o Origin) link(path string) string { return o.URL + path }

// PathOf is where the page of a subject lies.
func PathOf(id maint.ID) string {
	switch id.Kind() {
	case maint.AnIncident:
		return "/incidents/" + url.PathEscape(id.Name())
	case maint.AComponent:
		return "/components/" + url.PathEscape(id.Name())
	case maint.AChange:
		return "/changes/" + url.PathEscape(id.Name())
	}
	return "/maintenance/" + url.PathEscape(id.Name())
}

// Pictures are the addresses of the pictures of a post, by what its text calls them, below the address of the page or its path.
func Pictures(base string, kept map[string]string) map[string]string {
	out := make(map[string]string, len(kept))
	for name, file := range kept {
		out[name] = base + PicturePath(file)
	}
	return out
}

// PicturePath is where a kept picture of a post lies.
func PicturePath(file string) string { return "/changes/pictures/" + url.PathEscape(file) }

// code is a stable id of the form that Statuspage's ids have: twelve small letters and digits.
func code(kind, name string) string {
	sum := sha256.Sum256([]byte(kind + "/" + name))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:12]
}

func codeOf(id maint.ID) string { return code(string(id.Kind()), id.Name()) }

func codeOfUpdate(seq int64) string { return code("update", strconv.FormatInt(seq, 10)) }

// latest picks the last of some instants, the epoch when there is none: a format that needs an
// instant gets one that nobody takes for news.
func latest(times ...time.Time) time.Time {
	out := time.Unix(0, 0)
	for _, t := range times {
		if t.After(out) {
			out = t
		}
	}
	return out.UTC()
}
