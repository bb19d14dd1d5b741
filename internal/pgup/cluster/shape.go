package cluster

import (
	"slices"
	"strings"
)

// Shape is the text of a statement as far as it is the same on every version: without
// comments, with one space where there is any, and one question mark for every value,
// parameter, or list of them. Servers number a statement's parameters and identify the
// statement each in its own way, so the shape is what tells that two are the same.
func Shape(text string) string {
	s := shaper{in: text}
	for s.at < len(s.in) {
		s.next()
	}
	s.trim()
	return string(s.out)
}

// plannable begin the statements that a planner sees. The others, utility statements, are
// recorded with the values that they were typed with, passwords among them.
var plannable = []string{"select", "insert", "update", "delete", "merge", "with", "values", "table"}

// Plannable says whether a statement's shape is of one that queries or changes rows.
func Plannable(shape string) bool {
	first := strings.TrimLeft(shape, "( ")
	return slices.Contains(plannable, strings.ToLower(first[:wordEnd(first, "")]))
}

// shaper goes through a text once. It follows the server's own scanner (scan.l) as far as
// that is needed to know where a comment, a string or a name ends.
type shaper struct {
	in    string
	at    int
	out   []byte
	space int // the length of out when it ends with a space that the shaper wrote
}

func (s *shaper) next() {
	rest := s.in[s.at:]
	c := rest[0]
	switch {
	case strings.HasPrefix(rest, "--"):
		s.skip(lineEnd(rest))
		s.blank()
	case strings.HasPrefix(rest, "/*"):
		s.skip(commentEnd(rest))
		s.blank()
	case isSpace(c):
		s.skip(1)
		s.blank()
	case c == '\'':
		s.skip(quoteEnd(rest, '\'', s.escapes()))
		s.value()
	case c == '"':
		s.copy(quoteEnd(rest, '"', false))
	case c == '$':
		s.dollar(rest)
	case isDigit(c):
		s.skip(wordEnd(rest, ".$"))
		s.value()
	case isWord(c):
		s.copy(wordEnd(rest, "$"))
	case c == '?':
		s.skip(1)
		s.value()
	case c == ')' || c == ',':
		s.trim()
		s.copy(1)
	default:
		s.copy(1)
	}
}

func (s *shaper) skip(n int) { s.at += n }

func (s *shaper) copy(n int) {
	s.out = append(s.out, s.in[s.at:s.at+n]...)
	s.at += n
}

func (s *shaper) trim() {
	if n := len(s.out); n > 0 && n == s.space {
		s.out, s.space = s.out[:n-1], 0
	}
}

// blank writes a space where there is none yet, and none after an opening parenthesis.
func (s *shaper) blank() {
	if n := len(s.out); n > 0 && n != s.space && s.out[n-1] != '(' {
		s.out = append(s.out, ' ')
		s.space = len(s.out)
	}
}

// value writes a question mark, unless that would be the next one of a list: lists of
// different lengths are one statement.
func (s *shaper) value() {
	for _, before := range []string{"?,", "?, "} {
		if n := len(s.out) - len(before); n >= 0 && string(s.out[n:]) == before {
			s.out, s.space = s.out[:n+1], 0
			return
		}
	}
	s.out = append(s.out, '?')
}

// escapes says whether the string that begins here is of the kind E'...'.
func (s *shaper) escapes() bool {
	n := len(s.out)
	return n > 0 && (s.out[n-1] == 'E' || s.out[n-1] == 'e') && s.at > 0 && s.in[s.at-1] == s.out[n-1] && (n == 1 || !isWord(s.out[n-2]))
}

// dollar is a parameter, a string between two equal tags, or nothing of either.
func (s *shaper) dollar(rest string) {
	if n := 1 + wordEnd(rest[1:], ""); n > 1 && isDigit(rest[1]) {
		s.skip(n)
		s.value()
		return
	}
	tag := 1 + wordEnd(rest[1:], "")
	if tag >= len(rest) || rest[tag] != '$' {
		s.copy(1)
		return
	}
	tag++
	end := strings.Index(rest[tag:], rest[:tag])
	if end < 0 {
		s.skip(len(rest))
	} else {
		s.skip(tag + end + tag)
	}
	s.value()
}

func lineEnd(rest string) int {
	if n := strings.IndexAny(rest, "\r\n"); n >= 0 {
		return n
	}
	return len(rest)
}

// commentEnd knows that comments nest.
func commentEnd(rest string) int {
	depth := 0
	for i := 0; i < len(rest); i++ {
		switch {
		case strings.HasPrefix(rest[i:], "/*"):
			depth++
			i++
		case strings.HasPrefix(rest[i:], "*/"):
			depth--
			i++
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(rest)
}

// quoteEnd is the length of what stands in quotes, doubled quotes and backslashes minded.
func quoteEnd(rest string, quote byte, escapes bool) int {
	for i := 1; i < len(rest); i++ {
		switch {
		case escapes && rest[i] == '\\':
			i++
		case rest[i] == quote && i+1 < len(rest) && rest[i+1] == quote:
			i++
		case rest[i] == quote:
			return i + 1
		}
	}
	return len(rest)
}

func wordEnd(rest, besides string) int {
	i := 0
	for i < len(rest) && (isWord(rest[i]) || strings.IndexByte(besides, rest[i]) >= 0) {
		i++
	}
	return i
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWord(c byte) bool {
	return c == '_' || c >= 0x80 || isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
