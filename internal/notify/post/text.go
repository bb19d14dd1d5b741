package post

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf16"
)

// Length is how many characters a text has for those who count in UTF-16. No vendor counts more.
func Length(s string) (n int) {
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// Cut shortens a text to so many characters in UTF-16, and shows that it did.
func Cut(s string, most int) string {
	if Length(s) <= most {
		return s
	}
	n := 1 // the sign that it was cut
	for at, r := range s {
		if n += utf16.RuneLen(r); n > most {
			return s[:at] + "…"
		}
	}
	return s
}

// Brief is JSON that has < and > as they are. As it is written otherwise, a text of these is six times as long.
func Brief(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

var markdown = strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "~", `\~`, "`", "\\`", "|", `\|`, ">", `\>`, "<", `\<`, "#", `\#`, "[", `\[`, "]", `\]`, "-", `\-`, "@", "@\u200b")

// PlainMarkdown makes Markdown that shows a text as it is. An at sign calls nobody.
func PlainMarkdown(s string) string { return markdown.Replace(s) }
