package preview

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/sites/generator"
)

// quiet is how long nothing must happen after an edit: an editor writes a file in several steps.
const quiet = 40 * time.Millisecond

// watcher tells in which sites and themes something was edited.
type watcher struct {
	fs    *fsnotify.Watcher
	roots []root
}

// root is a folder that is watched with all below it.
type root struct {
	key     string // "site/www" or "theme/main"
	dir     string
	ignored func(string) bool
}

func newWatcher(o Options) (*watcher, error) {
	f, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch the sites: %w", err)
	}
	w := &watcher{fs: f}
	for _, s := range o.Sites {
		w.roots = append(w.roots, root{"site/" + s.Name, s.Dir, s.Kind.Ignored})
	}
	for _, t := range o.Themes {
		w.roots = append(w.roots, root{"theme/" + t.Name, t.Dir, generator.Plain.Ignored})
	}
	for _, r := range w.roots {
		if err := w.add(r, r.dir); err != nil {
			return nil, errors.Join(hint.Or(fmt.Errorf("watch %s: %w", r.dir, err), "raise the number of folders that may be watched: sysctl fs.inotify.max_user_watches=524288"), f.Close())
		}
	}
	return w, nil
}

func (w *watcher) close() { _ = w.fs.Close() }

// add watches a folder and those below it.
func (w *watcher) add(r root, dir string) error {
	return filepath.WalkDir(dir, func(full string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !d.IsDir() {
			return err
		}
		if name, err := filepath.Rel(r.dir, full); err == nil && name != "." && r.ignored(filepath.ToSlash(name)) {
			return filepath.SkipDir
		}
		return w.fs.Add(full)
	})
}

// next waits for an edit, and until there was none for a moment.
func (w *watcher) next(ctx context.Context) (map[string]bool, error) {
	changed := map[string]bool{}
	var settled <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case e, ok := <-w.fs.Events:
			if !ok {
				return nil, errors.New("nothing watches any more")
			}
			if key := w.about(e); key != "" {
				changed[key] = true
				settled = time.After(quiet)
			}
		case err, ok := <-w.fs.Errors:
			if !ok || !errors.Is(err, fsnotify.ErrEventOverflow) {
				return nil, fmt.Errorf("watch the sites: %w", err)
			}
			for _, r := range w.roots { // what was edited got lost: everything may be
				changed[r.key] = true
			}
			settled = time.After(quiet)
		case <-settled:
			return changed, nil
		}
	}
}

// about gives the key of what an event is about, and watches new folders.
func (w *watcher) about(e fsnotify.Event) string {
	if e.Op == fsnotify.Chmod {
		return ""
	}
	for _, r := range w.roots {
		name, err := filepath.Rel(r.dir, e.Name)
		if err != nil || name == ".." || strings.HasPrefix(name, "../") || r.ignored(filepath.ToSlash(name)) {
			continue
		}
		if info, err := os.Stat(e.Name); err == nil && info.IsDir() && e.Has(fsnotify.Create) {
			_ = w.add(r, e.Name) // one that cannot be watched is seen with the next edit beside it
		}
		return r.key
	}
	return ""
}
