package config

import (
	"regexp"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// Page is what makes the status page somebody's own. Paths are absolute; whoever shows the pictures reads them.
type Page struct {
	Logo, LogoDark, Favicon string
	Colors, DarkColors      map[string]string // #rrggbb, in small letters
	Languages               []string          // the first is the default; nil: all, English first
	Indicator               string            // that Statuspage's API gives while a maintenance runs
}

// Languages are those that the page has words in.
var Languages = []string{"en", "de", "fr", "es", "ja"}

// Indicators are those that a running maintenance can have in Statuspage's API. Statuspage sends the first
// and documents the second only, which is for clients that know nothing else.
var Indicators = []string{"maintenance", IndicatorNone}

// IndicatorNone is for clients that know what is documented.
const IndicatorNone = "none"

// PageColors are the names of the colours that can be chosen.
var PageColors = []string{"accent", "ink", "soft", "line", "paper", "sheet"}

func (d *document) page(into *Page) reader {
	return func(n *yaml.Node) {
		d.object(n, "page",
			may("logo", d.absolute(&into.Logo)),
			may("logo_dark", d.absolute(&into.LogoDark)),
			may("favicon", d.absolute(&into.Favicon)),
			may("colors", d.colors(&into.Colors)),
			may("dark_colors", d.colors(&into.DarkColors)),
			may("languages", d.languages(&into.Languages)),
			may("indicator", d.oneOf(&into.Indicator, "indicator", Indicators)))
		if into.LogoDark != "" && into.Logo == "" {
			d.problem(n, `add "logo:"`, "logo_dark is there and logo is not")
		}
	}
}

var hexColor = regexp.MustCompile(`^#[0-9a-f]{6}$`)

func (d *document) colors(into *map[string]string) reader {
	return func(n *yaml.Node) {
		*into = map[string]string{}
		fields := make([]field, len(PageColors))
		for i, name := range PageColors {
			fields[i] = may(name, func(n *yaml.Node) {
				var s string
				d.raw(&s)(n)
				if s = strings.ToLower(s); !hexColor.MatchString(s) {
					d.problem(n, `such as "#2456c4", in quotes: # begins a comment`, "%q is not a colour", shorten(s))
					return
				}
				(*into)[name] = s
			})
		}
		d.object(n, "colors", fields...)
	}
}

func (d *document) languages(into *[]string) reader {
	return func(n *yaml.Node) {
		d.list(func(n *yaml.Node) {
			var lang string
			d.oneOf(&lang, "language", Languages)(n)
			if lang != "" && slices.Contains(*into, lang) {
				d.problem(n, "", "language %q is there twice", lang)
			}
			*into = append(*into, lang)
		})(n)
		if n.Kind == yaml.SequenceNode && len(*into) == 0 {
			d.problem(n, "name at least one, or take the key out", "the list of languages is empty")
		}
	}
}
