package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/markdown"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/phrase"
)

// words are Lull's own, and over them those in the operator's folder.
func (a *App) words() (notify.Words, error) {
	w := notify.Words{Organization: a.Config.Organization, Page: a.Config.Server.URL, Language: "en", Plain: markdown.Text}
	if len(a.Config.Page.Languages) > 0 {
		w.Language = a.Config.Page.Languages[0]
	}
	if a.Config.Notices.Words == "" {
		return w, nil
	}
	own, err := readTexts(a.Config.Notices.Words, a.Config.Channels)
	w.Own = own
	return w, err
}

const mostText = 64 << 10

// readTexts reads a folder of files such as ahead.en.txt, and ahead.en.customers.txt for one channel.
func readTexts(dir string, channels []config.Channel) (notify.Texts, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("read the words of notices: %w", err), "make the folder, or take words out of notices in lull.yaml")
	}
	known := textNames(channels)
	out := notify.Texts{}
	for _, f := range files {
		name, isText := strings.CutSuffix(f.Name(), ".txt")
		if !isText {
			continue
		}
		path := filepath.Join(dir, f.Name())
		if !slices.Contains(known, name) {
			return nil, hint.Errorf("call it such as "+known[0]+".txt", "%s is the text of no notice", path)
		}
		if out[name], err = readText(path); err != nil {
			return nil, hint.Or(fmt.Errorf("%s: %w", path, err), "correct it, then look at it with: lull notices preview plan.yaml")
		}
	}
	return out, nil
}

func readText(path string) (*notify.Text, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	if !info.Mode().IsRegular() || info.Size() > mostText {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("it is no file, or too large")}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return notify.ParseText(string(data))
}

// textNames are all that a text can be called.
func textNames(channels []config.Channel) (out []string) {
	for _, k := range notify.Kinds {
		for _, lang := range phrase.Languages {
			out = append(out, notify.TextName(k, lang, ""))
			for _, c := range channels {
				out = append(out, notify.TextName(k, lang, c.ID))
			}
		}
	}
	for _, k := range notify.Alone {
		for _, lang := range phrase.Languages {
			out = append(out, notify.TextName(k, lang, ""))
		}
	}
	return out
}
