package public

import (
	"embed"
	"encoding/json"
	"strings"

	"github.com/lullhq/lull/internal/feed"
	"github.com/lullhq/lull/internal/view"
)

//go:embed embeds
var embeds embed.FS

// embedFiles are what other sites put into their pages, and what it reads.
func embedFiles(o feed.Origin, page view.PageModel) []File {
	return []File{
		foreign("/banner.json", jsonType, func() ([]byte, error) { return o.Banner(page) }),
		foreign("/banner.js", scriptType, func() ([]byte, error) { return script("banner.js") }),
		foreign("/se-v2.js", scriptType, func() ([]byte, error) { return script("se-v2.js") }),
	}
}

// widgetFiles are the widget as a script and as a module, and what it shows in each language.
func (s Site) widgetFiles(o feed.Origin, page view.PageModel) []File {
	files := []File{foreign("/widget.js", scriptType, s.widgetScript), foreign("/widget.mjs", scriptType, s.widgetModule)}
	for _, lang := range s.languages() {
		in := o
		in.Lang = lang
		files = append(files, foreign("/widget."+lang+".json", jsonType, func() ([]byte, error) { return in.Widget(page) }))
	}
	return files
}

// widgetParts are the widget, in an order in which nothing is used before it is there.
var widgetParts = []string{"style.js", "dom.js", "memory.js", "face.js", "inbox.js", "bar.js", "panel.js", "main.js"}

func (s Site) widgetScript() ([]byte, error) {
	return s.widget("(() => {\nconst me = document.currentScript\nlet base = new URL('.', me.src).href\n", append(widgetParts, "classic.js"), "})()\n")
}

func (s Site) widgetModule() ([]byte, error) {
	return s.widget("let base = new URL('.', import.meta.url).href\n", widgetParts, "export default lull\n")
}

func (s Site) widget(before string, parts []string, after string) ([]byte, error) {
	languages, err := json.Marshal(s.languages())
	if err != nil {
		return nil, err
	}
	out := []byte(before + "const languages = " + string(languages) + "\n")
	for _, part := range parts {
		b, err := script("widget/" + part)
		if err != nil {
			return nil, err
		}
		out = append(out, b...)
	}
	return append(out, after...), nil
}

// script leaves out of a script what only people read: comments on lines of their own, and indents.
func script(name string) ([]byte, error) {
	source, err := embeds.ReadFile("embeds/" + name)
	if err != nil {
		return nil, err
	}
	var out strings.Builder
	for line := range strings.Lines(string(source)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			out.WriteString(line + "\n")
		}
	}
	return []byte(out.String()), nil
}
