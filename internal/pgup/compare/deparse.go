package compare

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// sameDefinition compares two definitions as servers of two majors write them. A
// definition that went through pg_dump was read again by the target, which may put its
// casts and parentheses elsewhere: (ARRAY['a'::varchar])::text[] comes back as
// ARRAY[('a'::varchar)::text]. A difference in nothing else is none. What is lost is a
// change of nothing but precedence or a cast; Fingerprint sees those on the source.
func sameDefinition(a, b string) bool {
	return a == b || bare(a) == bare(b)
}

// bare is a definition without casts, parentheses and the spaces around them.
func bare(s string) string {
	var out strings.Builder
	for s != "" {
		token, rest := next(s)
		switch {
		case token == "::":
			rest = skipType(rest)
		case token == "(" || token == ")" || strings.TrimSpace(token) == "":
		default:
			out.WriteString(token)
			out.WriteByte(' ')
		}
		s = rest
	}
	return out.String()
}

// next splits the first token off: a quoted string or name, a word or number, a run of
// spaces, "::", or one other character.
func next(s string) (token, rest string) {
	r, n := utf8.DecodeRuneInString(s)
	switch {
	case r == '\'' || r == '"':
		n = quoted(s, byte(r))
	case strings.HasPrefix(s, "::"):
		n = 2
	case unicode.IsSpace(r):
		n = length(s, unicode.IsSpace)
	case wordy(r):
		n = length(s, wordy)
	}
	return s[:n], s[n:]
}

// quoted is the length of the quoted text that s begins with. Two quotes stand for one.
func quoted(s string, quote byte) int {
	for i := 1; i < len(s); i++ {
		if s[i] != quote {
			continue
		}
		if i+1 < len(s) && s[i+1] == quote {
			i++
			continue
		}
		return i + 1
	}
	return len(s)
}

func length(s string, in func(rune) bool) int {
	for i, r := range s {
		if !in(r) {
			return i
		}
	}
	return len(s)
}

func wordy(r rune) bool {
	return r == '_' || r == '$' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// longTypes are the words that follow the first one in the names of types that have several.
var longTypes = map[string][]string{
	"character": {"varying"},
	"bit":       {"varying"},
	"double":    {"precision"},
	"timestamp": {"without", "with", "time", "zone"},
	"time":      {"without", "with", "time", "zone"},
	"interval":  {"year", "month", "day", "hour", "minute", "second", "to"},
}

// skipType drops the name of a type, its modifier and its array bounds.
func skipType(s string) string {
	first, s := next(s)
	for strings.HasPrefix(s, ".") { // schema.type
		_, s = next(s[1:])
	}
	s = skipModifier(s)
	for {
		word, rest := next(strings.TrimLeft(s, " "))
		if !slices.Contains(longTypes[first], word) {
			break
		}
		s = skipModifier(rest)
	}
	for strings.HasPrefix(s, "[]") {
		s = s[2:]
	}
	return s
}

// skipModifier drops (10,2), but nothing that is not made of digits and commas.
func skipModifier(s string) string {
	if !strings.HasPrefix(s, "(") {
		return s
	}
	end := strings.IndexByte(s, ')')
	if end < 2 || strings.Trim(s[1:end], "0123456789,-") != "" {
		return s
	}
	return s[end+1:]
}
