package app

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/httpd/public"
	"github.com/lullhq/lull/internal/markdown"
	"github.com/lullhq/lull/internal/say"
)

// Bounds of the pictures of a post.
const (
	biggestPicture = 4 << 20 // bytes
	pictureTime    = 10 * time.Second
)

// PostChangeFile publishes a post from a file, with the pictures that lie beside it. The name of the post is that of the file.
func (a *App) PostChangeFile(ctx context.Context, path string, terms say.Terms) (say.Said, error) {
	p, err := config.LoadPost(path, a.zone())
	if err != nil {
		return say.Said{}, err
	}
	name := strings.TrimSuffix(filepath.Base(path), ".md")
	if err := properName(name); err != nil {
		return say.Said{}, err
	}
	pictures, err := a.keepPictures(ctx, filepath.Dir(path), p.Text)
	if err != nil {
		return say.Said{}, err
	}
	return a.PostChange(ctx, say.Change{Terms: terms, Name: name, Title: p.Title, Text: p.Text, Labels: p.Labels, Maintenance: p.Maintenance,
		Pictures: pictures, Date: p.Date, Draft: p.Draft})
}

// zone is that of the page.
func (a *App) zone() *time.Location {
	if zone, err := time.LoadLocation(a.Config.Zone); err == nil {
		return zone
	}
	return time.UTC
}

// keepPictures copies what the text shows from the folder into the store. All are looked at before one is kept.
func (a *App) keepPictures(ctx context.Context, dir, text string) (map[string]string, error) {
	type found struct {
		ending string
		body   []byte
	}
	all := map[string]found{}
	for _, name := range markdown.Pictures(text) {
		body, ending, err := pictureFile(dir, name)
		if err != nil {
			return nil, hint.Or(fmt.Errorf("picture %s: %w", name, err), "put the picture beside the post, or give its address with https://")
		}
		all[name] = found{ending, body}
	}
	if len(all) == 0 {
		return nil, nil
	}
	kept := map[string]string{}
	for name, f := range all {
		file, err := a.store.KeepPicture(ctx, f.ending, f.body)
		if err != nil {
			return nil, err
		}
		kept[name] = file
	}
	return kept, nil
}

// pictureFile reads a picture that lies in the folder or below it. What it is, is told by its bytes.
func pictureFile(dir, name string) (body []byte, ending string, err error) {
	if !filepath.IsLocal(name) {
		return nil, "", hint.Errorf("copy it into the folder of the post", "it is not below the folder of the post")
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, "", err
	}
	defer root.Close()
	f, err := root.Open(name)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	if body, err = io.ReadAll(io.LimitReader(f, biggestPicture+1)); err != nil {
		return nil, "", err
	}
	if len(body) > biggestPicture {
		return nil, "", hint.Errorf("make it smaller", "it is larger than %d MB", biggestPicture>>20)
	}
	is := http.DetectContentType(body)
	for _, ending := range slices.Sorted(maps.Keys(public.PictureTypes)) {
		if public.PictureTypes[ending] == is {
			return body, ending, nil
		}
	}
	return nil, "", hint.Errorf("save it as PNG, JPEG, GIF or WebP", "its bytes are %s", is)
}

// picture reads one that was kept, for whoever shows it.
func (a *App) picture(file string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), pictureTime)
	defer cancel()
	return a.store.Picture(ctx, file)
}

// Instant reads a date or a time that somebody typed; without a zone it is one of the page's.
func (a *App) Instant(s string) (time.Time, error) { return config.ParseInstant(s, a.zone()) }
