package view

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
)

// quoted makes a YAML scalar: JSON strings are YAML 1.2 double-quoted scalars (YAML 1.2.2, section 7.3.1).
func quoted(s string) string {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(oneLine(s)) // a string always encodes
	return strings.TrimSpace(out.String())
}

// oneLine folds white space and drops what no reader can see.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r) || r == unicode.ReplacementChar || r == '\ufeff':
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// plainText writes words so that Markdown shows them as they are: CommonMark with
// tables, kramdown, and the Liquid that Jekyll runs before either. Of the characters
// that Markdown reads, it escapes with a backslash those that kramdown lets be
// escaped, and writes the others as entities.
func plainText(s string) string {
	s = oneLine(s)
	var out strings.Builder
	for i, r := range s {
		switch r {
		case '\\', '`', '*', '_', '[', ']', '{', '}', '|', '$', '~':
			out.WriteByte('\\')
			out.WriteRune(r)
		case '<':
			out.WriteString("&lt;")
		case '>':
			out.WriteString("&gt;")
		case '&':
			out.WriteString("&amp;")
		case '%': // {% opens a Liquid tag
			if i > 0 && s[i-1] == '{' {
				out.WriteString("&#37;")
			} else {
				out.WriteByte('%')
			}
		default:
			out.WriteRune(r)
		}
	}
	return guardStart(out.String())
}

// guardStart keeps the first characters of a line from making a heading, a list, a
// rule or a definition of it.
func guardStart(s string) string {
	if s == "" {
		return s
	}
	if strings.ContainsRune("#+-=:", rune(s[0])) {
		return `\` + s
	}
	digits := strings.TrimLeft(s, "0123456789")
	n := len(s) - len(digits)
	if n == 0 || digits == "" || (digits[0] != '.' && digits[0] != ')') {
		return s
	}
	if len(digits) > 1 && digits[1] != ' ' {
		return s // 1.5 GB
	}
	return s[:n] + `\` + digits
}
