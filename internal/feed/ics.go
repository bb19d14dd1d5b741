package feed

import (
	"bytes"
	"strings"
	"time"
	"unicode/utf8"
)

// icsWriter writes content lines (RFC 5545, section 3.1).
type icsWriter struct{ bytes.Buffer }

// icsLine is the longest line in octets, its end not counted.
const icsLine = 75

// text writes a property whose value is text.
func (w *icsWriter) text(name, value string) { w.raw(name, icsText(value)) }

// time writes an instant in UTC.
func (w *icsWriter) time(name string, t time.Time) { w.raw(name, t.UTC().Format("20060102T150405Z")) }

// raw writes a value that has no characters to escape. Lines that are too long go on in the next
// one, and are never cut inside a character.
func (w *icsWriter) raw(name, value string) {
	line := name + ":" + value
	for limit := icsLine; len(line) > limit; limit = icsLine - 1 {
		cut := limit
		for !utf8.RuneStart(line[cut]) {
			cut--
		}
		w.WriteString(line[:cut] + "\r\n ")
		line = line[cut:]
	}
	w.WriteString(line + "\r\n")
}

var icsEscapes = strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`)

// icsText escapes a text (section 3.3.11).
func icsText(s string) string {
	return icsEscapes.Replace(printable(strings.ReplaceAll(s, "\r\n", "\n")))
}

// icsParam quotes the value of a parameter, which knows no escapes: what would end it is written otherwise.
func icsParam(s string) string {
	return `"` + strings.NewReplacer(`"`, "'", "\n", " ").Replace(printable(s)) + `"`
}
