package app

import (
	"fmt"
	"io"
	"os"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/httpd/public"
)

// maxPicture bounds what is read of a logo; what may be shown is smaller, and said by whoever shows it.
const maxPicture = 1 << 20

// look reads what makes the page the organisation's own.
func (a *App) look() (public.Look, error) {
	p := a.Config.Page
	own := public.Own{Colours: p.Colors, DarkColours: p.DarkColors}
	for _, f := range []struct {
		key, path string
		into      *[]byte
	}{{"logo", p.Logo, &own.Logo}, {"logo_dark", p.LogoDark, &own.LogoDark}, {"favicon", p.Favicon, &own.Favicon}} {
		if f.path == "" {
			continue
		}
		body, err := readPicture(f.path)
		if err != nil {
			return public.Look{}, hint.Wrap(fmt.Errorf("read page.%s: %w", f.key, err), "name an SVG or PNG file in page."+f.key+" of "+a.Config.File)
		}
		*f.into = body
	}
	return public.NewLook(own)
}

func readPicture(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxPicture))
}
