package snapshot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/lullhq/lull/internal/hint"
)

// manifest names the files that Lull has written to a folder: nothing else is ever removed.
const manifest = ".lull-snapshot"

const fresh = ".lull-new" // the ending of a file that is being written

// Folder is a mirror on this machine.
type Folder struct{ dir string }

// NewFolder names the folder; it is made when it is not there.
func NewFolder(dir string) *Folder { return &Folder{dir} }

// Close implements Mirror.
func (d *Folder) Close() error { return nil }

// Push implements Mirror. Each file is replaced at once, never half: a reader may come at any moment.
func (d *Folder) Push(ctx context.Context, files []File) (c Change, err error) {
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		return c, fmt.Errorf("make the folder of the snapshot: %w", err)
	}
	root, err := os.OpenRoot(d.dir) // nothing below it can lead out of it
	if err != nil {
		return c, fmt.Errorf("open the folder of the snapshot: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	had, err := d.known(root)
	if err != nil {
		return c, err
	}
	places, err := placesOf(files)
	if err != nil {
		return c, err
	}
	// Before they are there: a file that is written and not named would stay for ever when this is cut off.
	all := maps.Clone(had)
	maps.Copy(all, places)
	if err := note(root, all); err != nil {
		return c, err
	}
	if err := d.write(ctx, root, files, &c); err != nil {
		return c, err
	}
	if err := d.clear(root, had, places, &c); err != nil {
		return c, err
	}
	return c, note(root, places)
}

func placesOf(files []File) (map[string]bool, error) {
	out := map[string]bool{}
	for _, f := range files {
		name, err := f.place()
		if err != nil {
			return nil, err
		}
		out[name] = true
	}
	return out, nil
}

// known reads which files are Lull's. A folder with others' files and none of Lull's is not touched.
func (d *Folder) known(root *os.Root) (map[string]bool, error) {
	out := map[string]bool{}
	b, err := root.ReadFile(manifest)
	if err == nil {
		for name := range strings.Lines(string(b)) {
			out[strings.TrimSuffix(name, "\n")] = true
		}
		return out, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the list of the snapshot's files: %w", err)
	}
	there, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("read the folder of the snapshot: %w", err)
	}
	for _, e := range there {
		if e.Name() != ".git" {
			return nil, hint.Errorf("name an empty folder, or an empty branch, for the snapshot alone", "%s holds %s and no snapshot of lull's", d.dir, e.Name())
		}
	}
	return out, nil
}

func note(root *os.Root, places map[string]bool) error {
	text := strings.Join(slices.Sorted(maps.Keys(places)), "\n") + "\n"
	if old, err := root.ReadFile(manifest); err == nil && string(old) == text {
		return nil
	}
	return replace(root, manifest, []byte(text))
}

func (d *Folder) write(ctx context.Context, root *os.Root, files []File, c *Change) error {
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		body, err := f.Render()
		if err != nil {
			return fmt.Errorf("write %s: %w", f.Address, err)
		}
		name, err := f.place()
		if err != nil {
			return err
		}
		if old, err := root.ReadFile(name); err == nil && bytes.Equal(old, body) {
			c.Same++
			continue
		}
		if err := replace(root, name, body); err != nil {
			return err
		}
		c.Written++
	}
	return nil
}

func replace(root *os.Root, name string, body []byte) error {
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := root.WriteFile(name+fresh, body, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := root.Rename(name+fresh, name); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// clear removes what is Lull's and not part of the face any more, and the folders that are empty then.
func (d *Folder) clear(root *os.Root, had, places map[string]bool, c *Change) error {
	for name := range had {
		if places[name] {
			continue
		}
		err := root.Remove(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("remove %s: %w", name, err)
		}
		c.Removed++
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if root.Remove(dir) != nil {
				break // there is more in it
			}
		}
	}
	return nil
}
