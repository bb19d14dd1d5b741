package app

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/httpd/public"
	"github.com/lullhq/lull/internal/phrase"
)

// What lull.yaml may choose is what the pages have.
func TestPageChoicesAreThoseOfThePages(t *testing.T) {
	t.Parallel()
	if !slices.Equal(config.Languages, phrase.Languages) {
		t.Errorf("lull.yaml takes the languages %v, and there are words in %v", config.Languages, phrase.Languages)
	}
	if !slices.Equal(config.PageColors, public.Colours) {
		t.Errorf("lull.yaml takes the colours %v, and the pages have %v", config.PageColors, public.Colours)
	}
}

func TestLookIsRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("logo.svg", `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 30 10"/>`)
	good, err := config.Load(write("lull.yaml", "organization: Example\npage:\n  logo: logo.svg\n  colors: {accent: \"#0B5D3B\"}\n  dark_colors: {accent: \"#7fe0b0\"}\n  languages: [ja, en]\n"))
	if err != nil {
		t.Fatal(err)
	}
	look, err := (&App{Config: good}).look()
	if err != nil || look.Logo == nil || look.Logo.Width != 96 {
		t.Errorf("the look was read as %+v, %v", look.Logo, err)
	}
	bad, err := config.Load(write("bad.yaml", "organization: Example\npage: {favicon: none.png}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&App{Config: bad}).look(); err == nil || !strings.Contains(err.Error(), "page.favicon") || !strings.Contains(hint.Of(err), "page.favicon of") {
		t.Errorf("a favicon that is not there: %v", err)
	}
}
