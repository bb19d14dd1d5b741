package pgbouncer

import (
	"bytes"
	"fmt"
	"strings"
)

// span is a part of the file, as offsets.
type span struct{ start, end int }

func (s span) of(b []byte) string { return string(b[s.start:s.end]) }

// setting is one "key = value" of the file.
type setting struct {
	section string
	key     string
	value   span // without the blanks around it
	line    int
}

// scanINI reads a configuration file exactly as PgBouncer does (libusual,
// usual/cfparser.c, parse_ini_file_internal): comments only at the start of a line,
// quoted keys, further keys behind a section's bracket. %include lines are skipped.
func scanINI(b []byte) ([]setting, error) {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return nil, fmt.Errorf("line %d: a zero byte ends the file for pgbouncer", lineOf(b, i))
	}
	var out []setting
	section, p := "", 0
	for {
		for p < len(b) && isSpace(b[p]) {
			p++
		}
		if p == len(b) {
			return out, nil
		}
		end := lineEnd(b, p)
		switch {
		case isInclude(b[p:]), b[p] == '#', b[p] == ';':
			p = end
		case b[p] == '[':
			n := bytes.IndexByte(b[p:end], ']')
			if n < 0 {
				return nil, fmt.Errorf("line %d: section without ]", lineOf(b, p))
			}
			section = string(b[p+1 : p+n])
			p += n + 1
		default:
			s, err := scanSetting(b, p, end)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", lineOf(b, p), err)
			}
			s.section, s.line = section, lineOf(b, p)
			out = append(out, s)
			p = end
		}
	}
}

func scanSetting(b []byte, p, end int) (setting, error) {
	key := span{p, p}
	if b[p] == '\'' {
		// PgBouncer looks for the closing quote beyond the line as well; nobody means that.
		n := bytes.IndexByte(b[p+1:end], '\'')
		if n <= 0 {
			return setting{}, fmt.Errorf("quoted key without end or content")
		}
		key = span{p + 1, p + 1 + n}
		p = key.end + 1
	} else {
		for p < end && isKeyByte(b[p]) {
			p++
		}
		key.end = p
	}
	p = skipBlanks(b, p, end)
	if p == end || b[p] != '=' {
		return setting{}, fmt.Errorf("expected = after %q", key.of(b))
	}
	value := span{skipBlanks(b, p+1, end), end}
	for value.end > value.start && isSpace(b[value.end-1]) {
		value.end--
	}
	return setting{key: key.of(b), value: value}, nil
}

// includes gives the names in the %include lines of a configuration file.
func includes(b []byte) (names []string) {
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); isInclude([]byte(line)) {
			names = append(names, strings.TrimSpace(line[len("%include"):]))
		}
	}
	return names
}

func isInclude(b []byte) bool {
	const word = "%include"
	return len(b) > len(word) && string(b[:len(word)]) == word && isBlank(b[len(word)])
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isKeyByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_.-*", c) >= 0
}

func skipBlanks(b []byte, p, end int) int {
	for p < end && isBlank(b[p]) {
		p++
	}
	return p
}

func lineEnd(b []byte, p int) int {
	if n := bytes.IndexByte(b[p:], '\n'); n >= 0 {
		return p + n
	}
	return len(b)
}

func lineOf(b []byte, p int) int { return 1 + bytes.Count(b[:p], []byte{'\n'}) }
