// Package include writes the piece of a layout that shows the banner, for each generator: its words are escaped, it
// has no fixed height, readers can close it, and a small script hides it outside its time even when the site was not
// built anew.
//
// It must not know of git, or of how the words get into the data file.
package include

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/sites/datafile"
	"github.com/lullhq/lull/internal/sites/generator"
)

//go:embed files
var files embed.FS

// name is the data file's, without what follows the dot: layouts that are there know it by that.
const name = "banner_notification"

// File is one to write.
type File struct {
	Path    string // from the root of the site
	Content []byte
}

// Set is all that a site needs, and what a person does with it.
type Set struct {
	Files []File
	Put   string // the line that goes into the layout
	Where string // into which, and where in it
}

// For gives the files for a site that is built so. data is the data file that lull.yaml names, "" is the usual place.
// nunjucks says that an Eleventy site has layouts of that language. script is the address of Lull's own script.
func For(kind generator.Kind, data string, nunjucks bool, script string) (Set, error) {
	if data == "" {
		data = kind.DataFile(name)
	}
	var s Set
	at, source := "", ""
	switch kind {
	case generator.Jekyll:
		at, source = "_includes/lull-banner.html", "jekyll.html"
		s.Put, s.Where = `{% include lull-banner.html %}`, "_layouts/default.html, right behind <body>"
	case generator.Hugo:
		at, source = "layouts/partials/lull-banner.html", "hugo.html"
		s.Put, s.Where = `{{ partial "lull-banner.html" . }}`, "layouts/_default/baseof.html, right behind <body>"
	case generator.Eleventy:
		at, source = "_includes/lull-banner.liquid", "eleventy.liquid"
		if nunjucks {
			at, source = "_includes/lull-banner.njk", "eleventy.njk"
		}
		s.Put, s.Where = `{% include "`+strings.TrimPrefix(at, "_includes/")+`" %}`, "the layout in _includes, right behind <body>"
	case generator.Astro:
		at, source = "src/components/LullBanner.astro", "astro.astro"
		s.Put, s.Where = "import LullBanner from \"../components/LullBanner.astro\";\n<LullBanner />", "src/layouts/Layout.astro, the first line into its front matter, the second right behind <body>"
	case generator.Plain:
		return Set{Put: `<script src="` + script + `" defer></script>`, Where: "every page, before </head>; the site is `snippet: on` in lull.yaml then"}, nil
	default:
		return Set{}, hint.Errorf("name it as `generator`", "there is no include for %q", kind)
	}
	content, err := render(source, data)
	if err != nil {
		return Set{}, err
	}
	empty, err := datafile.New(data)
	if err != nil {
		return Set{}, err
	}
	s.Files = []File{{at, content}, {data, empty}}
	return s, nil
}

func render(source, data string) ([]byte, error) {
	var parts [3]string
	for i, f := range []string{source, "banner.js", "banner.css"} {
		b, err := files.ReadFile("files/" + f)
		if err != nil {
			return nil, err
		}
		parts[i] = string(b)
	}
	text, js, css := parts[0], compact(parts[1]), strings.ReplaceAll(parts[2], "\n", "")
	text = strings.ReplaceAll(text, "{{DATA}}", data)
	if strings.HasSuffix(source, ".astro") {
		quotedJS, err := json.Marshal(js)
		if err != nil {
			return nil, err
		}
		quotedCSS, err := json.Marshal(css)
		if err != nil {
			return nil, err
		}
		return []byte(strings.Replace(text, "\n---\n", fmt.Sprintf("\nconst script = %s;\nconst style = %s;\n---\n", quotedJS, quotedCSS), 1)), nil
	}
	return []byte(strings.ReplaceAll(text, "{{SCRIPT}}", "<script>"+js+"</script>\n<style>"+css+"</style>")), nil
}

// compact takes the indentation out: each page carries the script.
func compact(js string) string {
	var out []string
	for line := range strings.Lines(js) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}
