package changelog

import (
	"slices"
	"strings"
)

// link is the definition of a reference: "[1.0.0]: https://...".
type link struct{ label, url, line string }

// links are those at the end of a file, which hold for all of it.
type links []link

// cutLinks takes the definitions off the end.
func cutLinks(text string) (body string, out links) {
	lines := strings.Split(text, "\n")
	for len(lines) > 0 {
		last := strings.TrimRight(lines[len(lines)-1], " \t")
		m := defined.FindStringSubmatch(last)
		if m == nil && last != "" {
			break
		}
		lines = lines[:len(lines)-1]
		if m != nil {
			out = append(out, link{m[1], m[2], last})
		}
	}
	slices.Reverse(out)
	return strings.Join(lines, "\n"), out
}

// find gives the address that a label stands for. Labels know no case (CommonMark, section 4.7); of two the first holds.
func (l links) find(label string) string {
	for _, x := range l {
		if strings.EqualFold(x.label, label) {
			return x.url
		}
	}
	return ""
}

// attach adds to a text what it refers to: elsewhere it would refer to nothing.
func (l links) attach(text string) string {
	var used []string
	low := strings.ToLower(text)
	for _, x := range l {
		ref := "[" + strings.ToLower(x.label) + "]"
		if strings.Contains(low, ref) && !strings.Contains(low, ref+":") && !slices.Contains(used, x.line) {
			used = append(used, x.line)
			low += "\n" + strings.ToLower(x.line)
		}
	}
	if used == nil {
		return text
	}
	return text + "\n\n" + strings.Join(used, "\n")
}
