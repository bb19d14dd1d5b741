package feed

import (
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/lullhq/lull/internal/view"
)

// BadgeType is the media type of badges.
const BadgeType = "image/svg+xml; charset=utf-8"

// Badge draws the state of the whole page.
func (o Origin) Badge(page view.PageModel) ([]byte, error) {
	return badge(o.Name, o.words().Text(page.Overall.Says), page.Overall.Tone)
}

// ComponentBadge draws the state of one component.
func (o Origin) ComponentBadge(c view.Component) ([]byte, error) {
	return badge(c.Name, o.words().Label("component", string(c.Status)), view.ToneOf(c.Status))
}

// badgeColors have a contrast of 4.5 and more with white text (WCAG 2.2, 1.4.3).
var badgeColors = map[view.Tone]string{
	view.Calm: "#1a7f4b", view.Done: "#1a7f4b", view.Busy: "#2459b3", view.Slow: "#935600", view.Down: "#b3261e",
}

type svg struct {
	XMLName xml.Name  `xml:"http://www.w3.org/2000/svg svg"`
	Width   int       `xml:"width,attr"`
	Height  int       `xml:"height,attr"`
	Role    string    `xml:"role,attr"`
	Label   string    `xml:"aria-label,attr"`
	Title   string    `xml:"title"`
	Boxes   []svgBox  `xml:"rect"`
	Texts   []svgText `xml:"text"`
}

type svgBox struct {
	X      int    `xml:"x,attr"`
	Width  int    `xml:"width,attr"`
	Height int    `xml:"height,attr"`
	Fill   string `xml:"fill,attr"`
}

type svgText struct {
	X      int    `xml:"x,attr"`
	Y      int    `xml:"y,attr"`
	Fill   string `xml:"fill,attr"`
	Font   string `xml:"font-family,attr"`
	Size   int    `xml:"font-size,attr"`
	Anchor string `xml:"text-anchor,attr"`
	Length int    `xml:"textLength,attr"`
	Adjust string `xml:"lengthAdjust,attr"`
	Text   string `xml:",chardata"`
}

const badgeHeight = 20

func badge(name, state string, tone view.Tone) ([]byte, error) {
	name, state = short(printable(name)), short(printable(state))
	left, right := widthOf(name)+12, widthOf(state)+12
	text := func(x, width int, s string) svgText {
		return svgText{x + width/2, 14, "#fff", "Verdana, Geneva, DejaVu Sans, sans-serif", 11, "middle", width - 12, "spacingAndGlyphs", s}
	}
	out, err := xml.Marshal(svg{
		Width: left + right, Height: badgeHeight, Role: "img", Label: name + ": " + state, Title: name + ": " + state,
		Boxes: []svgBox{{0, left, badgeHeight, "#444c56"}, {left, right, badgeHeight, badgeColors[tone]}},
		Texts: []svgText{text(0, left, name), text(left, right, state)},
	})
	if err != nil {
		return nil, fmt.Errorf("draw a badge: %w", err)
	}
	return append(out, '\n'), nil
}

// short keeps a badge from getting wider than a telephone.
func short(s string) string {
	const longest = 30
	runes := []rune(strings.Join(strings.Fields(s), " "))
	if len(runes) > longest {
		return string(runes[:longest-1]) + "…"
	}
	return string(runes)
}

// widthOf is about how wide a text is at eleven pixels. The drawing tells the browser to make it
// just as wide, so that a font that is not there breaks nothing.
func widthOf(s string) int {
	tenths := 0
	for _, r := range s {
		switch {
		case r >= 0x1100: // CJK and wider
			tenths += 110
		case strings.ContainsRune("iljtfrI.,:;'|! ()[]", r):
			tenths += 42
		case strings.ContainsRune("mwMW@%", r):
			tenths += 104
		default:
			tenths += 70
		}
	}
	return max(tenths/10, 1)
}
