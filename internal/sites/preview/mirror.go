package preview

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lullhq/lull/internal/sites/datafile"
	"github.com/lullhq/lull/internal/sites/generator"
)

// mirrorThemes copies the themes of the sites, each once, with the banner in its data file.
func (p *Preview) mirrorThemes(list []*side) error {
	done := map[string]bool{}
	for _, s := range list {
		if s.theme == "" || done[s.theme] {
			continue
		}
		done[s.theme] = true
		for _, t := range p.o.Themes {
			if t.Name != s.site.Theme {
				continue
			}
			if err := mirror(t.Dir, s.theme, func(name string) bool { return generator.Plain.Ignored(name) }, p.edited(t.Banner, s.on)); err != nil {
				return fmt.Errorf("copy the theme %s: %w", t.Name, err)
			}
		}
	}
	return nil
}

func (p *Preview) mirrorSite(s *side) error {
	ignored := func(name string) bool {
		return s.site.Kind.Ignored(name) || s.site.ThemeAt != "" && (name == s.site.ThemeAt || strings.HasPrefix(name, s.site.ThemeAt+"/"))
	}
	if err := mirror(s.site.Dir, s.source, ignored, p.edited(s.site.Banner, s.on)); err != nil {
		return fmt.Errorf("copy the site: %w", err)
	}
	return errors.Join(s.link("node_modules", filepath.Join(s.site.Dir, "node_modules")), s.linkTheme())
}

// linkTheme puts the theme's mirror where the site has the theme.
func (s *side) linkTheme() error {
	if s.site.ThemeAt == "" || s.theme == "" || strings.HasPrefix(s.site.ThemeAt, "node_modules/") {
		return nil
	}
	return s.link(s.site.ThemeAt, s.theme)
}

func (s *side) link(name, to string) error {
	if _, err := os.Stat(to); err != nil {
		return nil //nolint:nilerr // what is not there is not linked to
	}
	at := filepath.Join(s.source, name)
	if is, err := os.Readlink(at); err == nil && is == to {
		return nil
	}
	return errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.RemoveAll(at), os.Symlink(to, at))
}

// edited gives what a file becomes in the mirror: the data file has the banner in it, on or off.
func (p *Preview) edited(data string, on bool) func(name string, content []byte) ([]byte, error) {
	b := p.o.Banner
	b.Enabled = true
	return func(name string, content []byte) ([]byte, error) {
		switch {
		case data == "" || name != data:
			return nil, nil
		case on:
			return datafile.Edit(name, content, b)
		}
		return datafile.Off(name, content)
	}
}

// mirror makes a folder hold what another one holds, and nothing else but what was ignored. Files that are the same by
// size and time are left alone, so that generators that remember what they have built go on doing so.
func mirror(from, to string, ignored func(string) bool, edit func(string, []byte) ([]byte, error)) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	seen := map[string]bool{}
	err := filepath.WalkDir(from, func(full string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) { // gone between two looks: an editor's own file
				return nil
			}
			return err
		}
		name, err := filepath.Rel(from, full)
		if err != nil || name == "." {
			return err
		}
		name = filepath.ToSlash(name)
		if ignored(name) {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		seen[name] = true
		return place(full, filepath.Join(to, name), name, d, edit)
	})
	if err != nil {
		return err
	}
	return prune(to, seen, ignored)
}

func place(from, to, name string, d fs.DirEntry, edit func(string, []byte) ([]byte, error)) error {
	info, err := d.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	switch {
	case err != nil:
		return err
	case d.IsDir():
		return os.MkdirAll(to, 0o755)
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		if is, err := os.Readlink(to); err == nil && is == target {
			return nil
		}
		_ = os.Remove(to) // it may not be there
		return os.Symlink(target, to)
	case !info.Mode().IsRegular():
		return nil
	}
	if is, err := os.Lstat(to); err == nil && is.Mode().IsRegular() && is.ModTime().Equal(info.ModTime()) && is.Size() == info.Size() {
		return nil
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	changed, err := edit(name, content)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if changed != nil {
		if is, err := os.ReadFile(to); err == nil && bytes.Equal(is, changed) {
			return nil
		}
		return os.WriteFile(to, changed, 0o644)
	}
	return copyFile(content, to, info)
}

func copyFile(content []byte, to string, like fs.FileInfo) error {
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, like.Mode().Perm()|0o200)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, bytes.NewReader(content))
	return errors.Join(err, f.Close(), os.Chtimes(to, like.ModTime(), like.ModTime()))
}

// prune removes what is no more in the source.
func prune(dir string, seen map[string]bool, ignored func(string) bool) error {
	return filepath.WalkDir(dir, func(full string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, full)
		if err != nil || name == "." {
			return err
		}
		name = filepath.ToSlash(name)
		switch {
		case ignored(name) && d.IsDir():
			return filepath.SkipDir
		case ignored(name) || seen[name]:
			return nil
		}
		if err := os.RemoveAll(full); err != nil || !d.IsDir() {
			return err
		}
		return filepath.SkipDir
	})
}
