package public

import (
	"bytes"
	"image"
	"image/png"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/hint"
)

const wave = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 40"><path d="M0 20h120"/></svg>`

func TestLook(t *testing.T) {
	t.Parallel()
	var picture bytes.Buffer
	must(t, png.Encode(&picture, image.NewGray(image.Rect(0, 0, 64, 64))))
	look, err := NewLook(Own{
		Logo: []byte(wave), LogoDark: []byte(wave), Favicon: picture.Bytes(),
		Colours: map[string]string{"accent": "#0b5d3b", "paper": "#ffffff"}, DarkColours: map[string]string{"accent": "#7fe0b0"},
	})
	must(t, err)
	if look.Logo.Width != 96 || look.Logo.Height != 32 {
		t.Errorf("a logo of 120 by 40 is shown as %d by %d", look.Logo.Width, look.Logo.Height)
	}
	site := Site{Organization: "Example", URL: "https://example.com/status", Look: look, Languages: []string{"en"}}
	page, err := site.Problem(Missing, "en")
	must(t, err)
	for _, name := range []string{"logo.svg", "logo-dark.svg", "favicon.png", "page.css"} {
		if path := site.assetPath(name); path == "" || !strings.Contains(string(page), `"/status`+path+`"`) {
			t.Errorf("the page does not show %s", name)
		}
	}
	css := string(site.Assets()[0].Body)
	for _, rule := range []string{"--accent: #0b5d3b;", "--paper: #ffffff;", "--accent: #7fe0b0;"} {
		if strings.Count(css, rule) != 1 {
			t.Errorf("the style sheet does not have %s once", rule)
		}
	}
}

// What cannot be shown, or cannot be read once it is shown, is refused with what to write instead.
func TestLookRefuses(t *testing.T) {
	t.Parallel()
	svg := func(inside string) []byte {
		return []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10">` + inside + `</svg>`)
	}
	for _, tt := range []struct {
		name       string
		own        Own
		want, next string
	}{
		{"no picture", Own{Logo: []byte("hello")}, "neither PNG nor SVG", "use a PNG"},
		{"a page", Own{Logo: []byte("<html></html>")}, `begins with "html"`, "use a PNG"},
		{"too large", Own{Favicon: bytes.Repeat([]byte("x"), maxPicture+1)}, "65537 bytes, more than 65536", "save it smaller"},
		{"no size", Own{Logo: []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`)}, "viewBox", "use a PNG"},
		{"a script", Own{Logo: svg("<script>alert(1)</script>")}, `element "script"`, "without scripts"},
		{"an event", Own{Logo: svg(`<path onclick="alert(1)"/>`)}, `attribute "onclick"`, "without scripts"},
		{"a link", Own{LogoDark: svg(`<a href="https://example.com"/>`), Logo: []byte(wave)}, `attribute "href"`, "without scripts"},
		{"pale", Own{Colours: map[string]string{"accent": "#8ab4ff"}}, "accent #8ab4ff on paper", `page.colors: {accent: "#`},
		{"dark in the dark", Own{Colours: map[string]string{"accent": "#0b5d3b"}}, "page.dark_colors: accent #0b5d3b", `page.dark_colors: {accent: "#`},
		{"grey on grey", Own{DarkColours: map[string]string{"ink": "#555555"}}, "page.dark_colors: ink #555555", `page.dark_colors: {ink: "#`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := NewLook(tt.own)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(hint.Of(err), tt.next) {
				t.Errorf("refused with %v\n%s", err, hint.Of(err))
			}
		})
	}
}

// The colour that is advised can be read.
func TestAdviceHelps(t *testing.T) {
	t.Parallel()
	for _, accent := range []string{"#ff0000", "#00ff00", "#0000ff", "#ffcc00", "#808080", "#101010", "#f0f0f0"} {
		light, dark := schemes()
		for name, p := range map[string]palette{"light": light, "dark": dark} {
			p["accent"] = accent
			better := p.nearest("accent")
			p["accent"] = better
			p["accent-tint"] = mix(better, p["sheet"], tintShare)
			if !p.allReadable() {
				t.Errorf("%s: instead of %s, %s is advised, which cannot be read either", name, accent, better)
			}
		}
	}
}
