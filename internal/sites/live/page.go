package live

import (
	"bytes"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// page is what a reader sees of one, with its blanks as one.
type page struct {
	text    string
	banners []mark // that Lull's includes have written
	scripts []string
}

// mark is a banner's element.
type mark struct {
	id     string
	starts time.Time // it is hidden before; zero = it is not
}

// bannerAttribute is what the includes of `lull sites init` mark a banner with.
const (
	bannerAttribute = "data-lull-banner"
	startsAttribute = "data-starts"
)

// parsePage reads as a browser does: any bytes are some page.
func parsePage(body []byte) page {
	var p page
	var text strings.Builder
	z := html.NewTokenizer(bytes.NewReader(body))
	silent := atom.Atom(0) // within it nothing is shown
	for {
		switch z.Next() {
		case html.ErrorToken:
			p.text = squeeze(text.String())
			return p
		case html.TextToken:
			if silent == 0 {
				text.Write(z.Text())
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			p.attributes(t)
			if silent == 0 && (t.DataAtom == atom.Script || t.DataAtom == atom.Style || t.DataAtom == atom.Template || t.DataAtom == atom.Title) && t.Type == html.StartTagToken {
				silent = t.DataAtom
			}
			if t.DataAtom != atom.A && t.DataAtom != atom.Span && t.DataAtom != atom.B && t.DataAtom != atom.Em && t.DataAtom != atom.Strong && t.DataAtom != atom.Bdi {
				text.WriteByte(' ')
			}
		case html.EndTagToken:
			if t := z.Token(); t.DataAtom == silent {
				silent = 0
			}
		}
	}
}

func (p *page) attributes(t html.Token) {
	for _, a := range t.Attr {
		switch {
		case a.Key == bannerAttribute:
			p.banners = append(p.banners, mark{a.Val, startsOf(t)})
		case a.Key == "src" && t.DataAtom == atom.Script:
			p.scripts = append(p.scripts, a.Val)
		}
	}
}

// startsOf reads when a banner is shown from. What is no instant is none to the include's script either.
func startsOf(t html.Token) (at time.Time) {
	for _, a := range t.Attr {
		if a.Key == startsAttribute {
			at, _ = time.Parse(time.RFC3339, a.Val)
		}
	}
	return at
}

// marked says that the banner's element is on the page, and when it is shown from.
func (p page) marked(id string) (starts time.Time, is bool) {
	for _, m := range p.banners {
		if id != "" && m.id == id {
			return m.starts, true
		}
	}
	return time.Time{}, false
}

// squeeze makes one blank of every run of them.
func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// shows says that one of the banner's texts is on the page.
func (p page) shows(w Want) bool {
	return slices.ContainsFunc(w.Texts, func(text string) bool {
		text = squeeze(text)
		return text != "" && strings.Contains(p.text, text)
	})
}

// loads says that the page loads a script, whatever is behind its question mark.
func (p page) loads(script string) bool {
	return slices.ContainsFunc(p.scripts, func(s string) bool {
		u, err := url.Parse(s)
		if err != nil {
			return false
		}
		u.RawQuery = ""
		if u.Scheme == "" && u.Host != "" {
			return strings.HasSuffix(script, u.String())
		}
		return u.String() == script
	})
}
