package proc

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"
)

// head keeps the beginning of what is written to it.
type head struct {
	buf  bytes.Buffer
	max  int
	over bool
}

func (h *head) Write(p []byte) (int, error) {
	room := h.max - h.buf.Len()
	h.over = h.over || len(p) > room
	h.buf.Write(p[:min(len(p), max(room, 0))])
	return len(p), nil
}

// tail keeps the end of what is written to it.
type tail struct {
	buf []byte
	max int
	cut bool
}

func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - t.max; over > 0 {
		t.buf, t.cut = append(t.buf[:0], t.buf[over:]...), true
	}
	return len(p), nil
}

// String is what was said, on one line, from the first whole line on.
func (t *tail) String() string {
	s := strings.ToValidUTF8(string(t.buf), "")
	if _, rest, ok := strings.Cut(s, "\n"); t.cut && ok {
		s = rest
	}
	var lines []string
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(strings.Map(visible, line)); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, " / ")
}

// visible drops what could move a terminal's cursor.
func visible(r rune) rune {
	if r == '\t' {
		return ' '
	}
	if unicode.IsControl(r) {
		return -1
	}
	return r
}

// userinfo is what stands before the host in an address: a name, a password, a token.
var userinfo = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^\s/'"]*@`)

// Redact takes names and passwords out of the addresses in a text.
func Redact(s string) string { return userinfo.ReplaceAllString(s, "$1") }
