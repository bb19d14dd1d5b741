package public

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lullhq/lull/internal/hint"
)

// enough is the contrast that text needs (WCAG 2.2, success criterion 1.4.3, AA).
const enough = 4.5

// tintShare is how much of the accent its tint has, on the sheet.
const tintShare = 0.12

// readable are the pairs of text and ground that a page has.
var readable = [][2]string{
	{"ink", "paper"}, {"ink", "sheet"}, {"soft", "paper"}, {"soft", "sheet"},
	{"accent", "paper"}, {"accent", "sheet"}, {"accent", "accent-tint"}, {"ink", "accent-tint"}, {"soft", "accent-tint"},
	{"calm", "calm-tint"}, {"done", "done-tint"}, {"late", "late-tint"}, {"down", "down-tint"},
	{"ink", "late-tint"}, {"ink", "down-tint"}, {"ink", "done-tint"}, {"ink", "calm-tint"},
	{"soft", "late-tint"}, {"soft", "down-tint"}, {"soft", "done-tint"}, {"soft", "calm-tint"},
	{"calm", "sheet"}, {"done", "sheet"}, {"late", "sheet"}, {"down", "sheet"},
}

// Colours are the names of those that an operator may choose.
var Colours = []string{"accent", "ink", "soft", "line", "paper", "sheet"}

// palette is the colours of one scheme, as #rrggbb by name.
type palette map[string]string

var variable = regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6})`)

// schemes reads both palettes from the style sheet, light and dark.
func schemes() (light, dark palette) {
	blocks := regexp.MustCompile(`(?s):root \{(.*?)\n\s*\}`).FindAllSubmatch(embedded("page.css"), -1)
	read := func(block []byte) palette {
		p := palette{}
		for _, m := range variable.FindAllSubmatch(block, -1) {
			p[string(m[1])] = string(m[2])
		}
		return p
	}
	return read(blocks[0][1]), read(blocks[1][1])
}

// colourRules are the rules of the style sheet that put an operator's colours in place of Lull's.
func colourRules(light, dark map[string]string) (string, error) {
	if len(light)+len(dark) == 0 {
		return "", nil
	}
	day, night := schemes()
	dayRule, err := day.with(light, "colors")
	if err != nil {
		return "", err
	}
	nightRule, err := night.with(darkened(light, dark), "dark_colors")
	if err != nil {
		return "", err
	}
	out := ""
	if dayRule != "" {
		out += ":root {" + dayRule + "}\n"
	}
	if nightRule != "" {
		out += "@media (prefers-color-scheme: dark) { :root {" + nightRule + "} }\n"
	}
	return out, nil
}

// darkened takes the accent over into the dark scheme, where that has none of its own and it can be read there.
func darkened(light, dark map[string]string) map[string]string {
	accent, chosen := light["accent"]
	if _, own := dark["accent"]; own || !chosen {
		return dark
	}
	out := maps.Clone(dark)
	if out == nil {
		out = map[string]string{}
	}
	out["accent"] = accent
	return out
}

// with puts chosen colours into the palette and proves that everything can still be read.
func (p palette) with(chosen map[string]string, key string) (rule string, err error) {
	for _, name := range Colours {
		c, ok := chosen[name]
		if !ok {
			continue
		}
		p[name] = c
		rule += " --" + name + ": " + c + ";"
		if name == "accent" || name == "sheet" {
			p["accent-tint"] = mix(p["accent"], p["sheet"], tintShare)
		}
	}
	if chosen["accent"] != "" || chosen["sheet"] != "" {
		rule += " --accent-tint: " + p["accent-tint"] + ";"
	}
	for _, pair := range readable {
		if got := contrast(p[pair[0]], p[pair[1]]); got < enough {
			return "", p.unreadable(pair, got, key)
		}
	}
	return rule, nil
}

// unreadable says which colour to change to what.
func (p palette) unreadable(pair [2]string, got float64, key string) error {
	name := pair[0]
	if !slices.Contains(Colours, name) {
		name = pair[1]
	}
	advice := fmt.Sprintf("choose another %s in page.%s", name, key)
	if better := p.nearest(name); better != "" {
		advice = fmt.Sprintf("write page.%s: {%s: %q}, which is the nearest that can be read, or go further", key, name, better)
	}
	return hint.Errorf(advice, "page.%s: %s %s on %s %s has a contrast of %.1f, and text needs %.1f",
		key, pair[0], p[pair[0]], pair[1], p[pair[1]], got, enough)
}

// nearest looks for the shade of a colour, lighter or darker, with which all can be read.
func (p palette) nearest(name string) string {
	for step := 1; step <= 50; step++ {
		for _, towards := range []string{"#000000", "#ffffff"} {
			try := maps.Clone(p)
			try[name] = mix(towards, p[name], float64(step)/50)
			try["accent-tint"] = mix(try["accent"], try["sheet"], tintShare)
			if try.allReadable() {
				return try[name]
			}
		}
	}
	return ""
}

func (p palette) allReadable() bool {
	return !slices.ContainsFunc(readable, func(pair [2]string) bool { return contrast(p[pair[0]], p[pair[1]]) < enough })
}

// contrast is that of WCAG 2.2: from 1 to 21.
func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(hex string) float64 {
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		c := channels(hex)[i] / 255
		if c <= 0.04045 {
			sum += weight * c / 12.92
		} else {
			sum += weight * math.Pow((c+0.055)/1.055, 2.4)
		}
	}
	return sum
}

// channels are red, green and blue. What is no colour is black; config lets none through.
func channels(hex string) [3]float64 {
	n, err := strconv.ParseUint(strings.TrimPrefix(hex, "#"), 16, 32)
	if err != nil {
		return [3]float64{}
	}
	return [3]float64{float64(n >> 16 & 0xff), float64(n >> 8 & 0xff), float64(n & 0xff)}
}

// mix is a share of one colour in another.
func mix(a, b string, share float64) string {
	x, y := channels(a), channels(b)
	out := "#"
	for i := range x {
		out += fmt.Sprintf("%02x", int(math.Round(x[i]*share+y[i]*(1-share))))
	}
	return out
}
