package demo

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/proc"
)

// The tree holds the files of the theme, which every site carries, and of each site.
//
//go:embed all:tree
var tree embed.FS

var siteNames = []string{"www", "docs", "blog"}

// bannerFile is the theme's data file, of which each site has its own copy.
const bannerFile = "_data/banner_notification.yml"

// Site is one of the demo's sites.
type Site struct {
	Name       string
	Repository string // the working tree
	Remote     string // the bare repository that it pushes to, and is published from
	URL        string // set when it is served
}

// makeSites makes a repository and its remote for each site.
func makeSites(ctx context.Context, dir string) ([]Site, error) {
	var out []Site
	for _, name := range siteNames {
		s := Site{Name: name, Repository: filepath.Join(dir, "sites", name), Remote: filepath.Join(dir, "sites", name+".git")}
		if err := s.make(ctx); err != nil {
			return nil, fmt.Errorf("make site %s: %w", name, err)
		}
		out = append(out, s)
	}
	return out, nil
}

func (s Site) make(ctx context.Context) error {
	for _, part := range []string{"theme", s.Name} {
		if err := unfold(path.Join("tree", part), s.Repository); err != nil {
			return err
		}
	}
	for _, args := range [][]string{
		{"init", "--quiet", "--bare", "--initial-branch=main", s.Remote},
		{"init", "--quiet", "--initial-branch=main"},
		{"config", "user.name", "Example Ops"},
		{"config", "user.email", "ops@example.com"},
		{"config", "commit.gpgSign", "false"}, // whoever runs the demo may sign, and would be asked for it
		{"add", "."},
		{"commit", "--quiet", "--no-verify", "--message", "Begin the site"},
		{"remote", "add", "origin", s.Remote},
		{"push", "--quiet", "--no-verify", "--set-upstream", "origin", "main"},
	} {
		if _, err := git(ctx, s.Repository, args...); err != nil {
			return err
		}
	}
	return nil
}

// unfold writes a folder of the tree out.
func unfold(from, to string) error {
	return fs.WalkDir(tree, from, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		full := filepath.Join(to, filepath.FromSlash(strings.TrimPrefix(name, from)))
		if e.IsDir() {
			return os.MkdirAll(full, 0o755)
		}
		content, err := tree.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(full, content, 0o644)
	})
}

func git(ctx context.Context, dir string, args ...string) ([]byte, error) {
	const patience = time.Minute
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return proc.Run(ctx, proc.Cmd{Name: "git " + args[0], Args: append([]string{"git"}, args...), Dir: dir, Env: gitEnviron(os.Environ())})
}

// gitEnviron leaves out what would point git at the repository that the demo was started from.
func gitEnviron(env []string) []string {
	var out []string
	for _, v := range env {
		if !strings.HasPrefix(v, "GIT_") {
			out = append(out, v)
		}
	}
	return append(out, "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
}

// bannerHistory is whether the banner was on after each published change of its file, oldest first.
func (s Site) bannerHistory(ctx context.Context) ([]bool, error) {
	out, err := git(ctx, s.Remote, "log", "--reverse", "--format=%H", "main", "--", bannerFile)
	if err != nil {
		return nil, fmt.Errorf("read the history of site %s: %w", s.Name, err)
	}
	var history []bool
	for _, commit := range strings.Fields(string(out)) {
		data, err := git(ctx, s.Remote, "show", commit+":"+bannerFile)
		if err != nil {
			return nil, fmt.Errorf("read the history of site %s: %w", s.Name, err)
		}
		b, err := decodeBanner(data)
		if err != nil {
			return nil, fmt.Errorf("read the history of site %s: %w", s.Name, err)
		}
		history = append(history, b.Enabled)
	}
	return history, nil
}
