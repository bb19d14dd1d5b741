package post

import "strings"

// Cut shortens a text to so many characters, and shows that it did.
func Cut(s string, most int) string {
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	return string(runes[:most-1]) + "…"
}

var markdown = strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "~", `\~`, "`", "\\`", "|", `\|`, ">", `\>`, "<", `\<`, "#", `\#`, "[", `\[`, "]", `\]`, "-", `\-`, "@", "@\u200b")

// PlainMarkdown makes Markdown that shows a text as it is. An at sign calls nobody.
func PlainMarkdown(s string) string { return markdown.Replace(s) }
