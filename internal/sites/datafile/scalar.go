package datafile

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"
)

// words are the pairs that some YAML reader or other takes for false and true. Jekyll's
// is Ruby's, which follows YAML 1.1: https://yaml.org/type/bool.html, without y and n.
var words = [][2]string{
	{"false", "true"}, {"False", "True"}, {"FALSE", "TRUE"},
	{"no", "yes"}, {"No", "Yes"}, {"NO", "YES"},
	{"off", "on"}, {"Off", "On"}, {"OFF", "ON"},
}

// boolOf reads a boolean as Ruby's YAML does. A quoted "false" is a text, which Liquid takes for true.
func boolOf(n *yaml.Node) (value, ok bool) {
	if n.Kind != yaml.ScalarNode || n.Style&^yaml.FlowStyle != 0 {
		return false, false
	}
	for _, w := range words {
		if n.Value == w[0] || n.Value == w[1] {
			return n.Value == w[1], true
		}
	}
	return false, false
}

// boolText writes a boolean in the words that were there.
func boolText(was *yaml.Node, value bool) string {
	pair := words[0]
	if _, ok := boolOf(was); ok {
		for _, w := range words {
			if was.Value == w[0] || was.Value == w[1] {
				pair = w
			}
		}
	}
	if value {
		return pair[1]
	}
	return pair[0]
}

// textLike writes a text in the style of the value that was there, or of its key. Plain and
// single quotes give way to double quotes, which can hold everything.
func textLike(was, key *yaml.Node, s string, flow bool) string {
	switch {
	case was.Style&yaml.SingleQuotedStyle != 0 && isSimple(s):
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	case was.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) == 0 && key.Style&yaml.DoubleQuotedStyle == 0 && isPlain(s, flow):
		return s
	}
	return doubleQuoted(s)
}

func doubleQuoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case !isPrintable(r):
			fmt.Fprintf(&b, `\u%04x`, r) // also JSON; all that is not printable lies below U+10000
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// isPrintable is YAML's c-printable (1.2, section 5.1) without what ends a line somewhere and the byte order mark.
func isPrintable(r rune) bool {
	return r >= ' ' && r <= '~' || r >= 0xa0 && r <= 0xd7ff && r != '\u2028' && r != '\u2029' ||
		r >= 0xe000 && r <= 0xfffd && r != '\ufeff' || r >= 0x10000
}

// isSimple says that a text fits on one line as it is.
func isSimple(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !isPrintable(r) }) < 0
}

// isPlain says that a text needs no quotes for any reader, of YAML 1.1 or 1.2.
func isPlain(s string, flow bool) bool {
	first, _ := utf8.DecodeRuneInString(s)
	switch {
	case s == "" || !isSimple(s) || strings.TrimSpace(s) != s || isAmbiguous(s):
		return false
	case strings.ContainsRune("-?:,[]{}#&*!|>'\"%@`=~.<", first):
		return false
	case strings.Contains(s, ": ") || strings.Contains(s, " #") || strings.HasSuffix(s, ":"):
		return false
	}
	return !flow || !strings.ContainsAny(s, ",[]{}")
}

// isAmbiguous says that a reader could take the plain text for a number, a date, a boolean, a null or a Ruby symbol.
func isAmbiguous(s string) bool {
	switch strings.ToLower(s) {
	case "", "~", "null", "y", "n", "yes", "no", "on", "off", "true", "false", "=", "<<":
		return true
	}
	if s[0] == ':' {
		return true
	}
	// Letters of 0x1F, 0o17, 1e5, .inf, .NaN and 2018-11-13T17:00:00Z; a text with any other letter is no number.
	return strings.ContainsRune("+-.0123456789", rune(s[0])) && strings.IndexFunc(s, func(r rune) bool {
		return unicode.IsLetter(r) && !strings.ContainsRune("abcdefABCDEFoOxXiInNTtZz", r)
	}) < 0
}

// blockLike writes a text into the block that was there, header and indentation kept. It
// answers false when the text does not fit that kind of block.
func blockLike(was *yaml.Node, raw, s, lineEnd string, indent int) (string, bool) {
	header, body, _ := strings.Cut(raw, "\n")
	header = strings.TrimSuffix(header, "\r")
	indicator, comment, _ := strings.Cut(header, " ")
	lines, chomp := strings.Split(strings.TrimSuffix(s, "\n"), "\n"), "-"
	if strings.HasSuffix(s, "\n") {
		chomp = ""
	}
	if strings.ContainsAny(indicator, "123456789") || !blockHolds(lines, was.Style&yaml.FoldedStyle != 0) {
		return "", false
	}
	if comment != "" {
		comment = " " + comment
	}
	if first := strings.TrimLeft(body, " "); body != "" && strings.TrimSpace(body) != "" {
		indent = len(body) - len(first)
	}
	pad := lineEnd + strings.Repeat(" ", indent)
	return indicator[:1] + chomp + comment + pad + strings.Join(lines, pad), true
}

// blockHolds leaves out what needs more of YAML's rules than a banner is worth: blank
// lines, lines with blanks at an end, and folded lines.
func blockHolds(lines []string, folded bool) bool {
	for _, line := range lines {
		if line == "" || !isSimple(line) || strings.TrimSpace(line) != line {
			return false
		}
	}
	return len(lines) == 1 || !folded
}
