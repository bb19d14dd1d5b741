package sites

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	modzip "golang.org/x/mod/zip"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/sites/pin"
)

// theme is a theme's repository while sites are worked on. Its banner is switched once, whoever of its sites comes first.
type theme struct {
	of   *Theme
	file string

	mu    sync.Mutex // one site at a time uses the repository
	repo  *repo
	names pin.Theme
	done  map[bool]result // what was brought, by on and off
}

// open gives the repository, which stays open until the fleet is closed. The lock is held.
func (t *theme) open(ctx context.Context) error {
	if t.repo != nil {
		return nil
	}
	file, err := dataPath(t.of.Banner)
	if err != nil {
		return err
	}
	r, err := open(ctx, t.of.tree())
	if err != nil {
		return err
	}
	if !r.pushes() {
		r.close()
		return hint.Errorf("add one with `git -C "+r.dir+" remote add origin ADDRESS`", "the theme %s has no remote, and sites are built from there", t.of.Name)
	}
	t.repo, t.file = r, file
	return nil
}

// bring switches the banner in the theme and gives the commit that sites are to be built with. The remote has it.
func (t *theme) bring(ctx context.Context, b Banner, on bool) (result, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if res, ok := t.done[on]; ok {
		return res, nil
	}
	if err := t.open(ctx); err != nil {
		return result{}, fmt.Errorf("theme %s: %w", t.of.Name, err)
	}
	c := switchOff(t.file)
	if on {
		c = switchOn(b, t.file)
	}
	res, err := t.repo.bring(ctx, c)
	if err == nil {
		res.commit, err = t.repo.published(ctx) // whatever else has come since: it contains ours
	}
	if err != nil {
		return result{}, fmt.Errorf("theme %s: %w", t.of.Name, err)
	}
	t.done[on] = res
	return res, nil
}

// called finds what the theme goes by, from the files of its newest commit.
func (t *theme) called(ctx context.Context) (pin.Theme, error) {
	if t.names.Addresses != nil {
		return t.names, nil
	}
	tip, err := t.repo.published(ctx)
	if err != nil {
		return pin.Theme{}, err
	}
	out := pin.Theme{Addresses: []string{t.of.Repository}}
	if url, err := t.repo.run(ctx, "remote", "get-url", t.repo.remote); err == nil {
		out.Addresses = append(out.Addresses, url)
	}
	_, _, root, err := t.repo.objects.object(ctx, tip+":")
	if err != nil {
		return out, err
	}
	for _, name := range treeNames(root, len(tip)/2) {
		if gem, ok := strings.CutSuffix(name, ".gemspec"); ok {
			out.Gem, out.Gemspec = gem, name
		}
	}
	from := t.source(ctx, tip)
	if spec, found, err := from(out.Gemspec); err == nil && found {
		if m := gemName.FindSubmatch(spec); m != nil {
			out.Gem = string(m[1])
		}
	}
	if data, found, err := from("go.mod"); err == nil && found {
		out.Module = modfile.ModulePath(data)
	}
	var npm struct{ Name string }
	if data, found, err := from("package.json"); err == nil && found && json.Unmarshal(data, &npm) == nil {
		out.Package = npm.Name
	}
	t.names = out
	return out, nil
}

var gemName = regexp.MustCompile(`(?m)^\s*\w+\.name\s*=\s*["']([^"']+)["']`)

func treeNames(tree []byte, idLength int) (out []string) {
	for len(tree) > 0 {
		head, rest, ok := bytes.Cut(tree, []byte{0})
		if !ok || len(rest) < idLength {
			return out
		}
		_, name, _ := strings.Cut(string(head), " ")
		out, tree = append(out, name), rest[idLength:]
	}
	return out
}

// source gives the files of a commit.
func (t *theme) source(ctx context.Context, commit string) pin.Source {
	return func(name string) ([]byte, bool, error) {
		if name == "" {
			return nil, false, nil
		}
		return t.repo.at(ctx, commit, name)
	}
}

// resolve gives the whole id of what a pin names, and has it here. A commit that neither is here nor can be had is not on the remote.
func (t *theme) resolve(ctx context.Context, name string) (string, error) {
	for try := range 2 {
		id, _, _, err := t.repo.objects.object(ctx, name+"^{commit}")
		if err == nil || !errors.Is(err, errMissing) {
			return id, err
		}
		if try > 0 {
			break
		}
		spec := name
		if strings.HasPrefix(name, "refs/") {
			spec = name + ":" + name
		}
		if _, err := t.repo.run(ctx, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--refmap=", t.repo.remote, spec); err != nil {
			break
		}
	}
	return "", fmt.Errorf("the remote of the theme %s has no commit %s: %w", t.of.Name, name, errMissing)
}

// goModule gives the version of a commit as Go names it, and its checksums as `go mod` would write them.
func (t *theme) goModule(ctx context.Context, modPath, commit string) func(string) (string, string, string, error) {
	return func(older string) (version, sum, modSum string, err error) {
		when, err := t.repo.run(ctx, "log", "-1", "--no-show-signature", "--format=%ct", commit)
		if err != nil {
			return "", "", "", err
		}
		seconds, err := strconv.ParseInt(when, 10, 64)
		if err != nil {
			return "", "", "", err
		}
		base := older
		if module.IsPseudoVersion(older) {
			if base, err = module.PseudoVersionBase(older); err != nil {
				return "", "", "", err
			}
		}
		_, major, _ := module.SplitPathVersion(modPath)
		version = module.PseudoVersion(module.PathMajorPrefix(major), base, time.Unix(seconds, 0).UTC(), commit[:12])
		sum, modSum, err = t.checksums(ctx, modPath, version, commit)
		return version, sum, modSum, err
	}
}

// checksums are those of go.sum(5): of all files as the module's archive has them, and of its go.mod.
func (t *theme) checksums(ctx context.Context, modPath, version, commit string) (sum, modSum string, err error) {
	archive, err := t.repo.with("core.autocrlf=input", "core.eol=lf").bytes(ctx, "archive", "--format=zip", commit)
	if err != nil {
		return "", "", err
	}
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return "", "", err
	}
	var files []modzip.File
	mod := []byte("module " + modfile.AutoQuote(modPath) + "\n")
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		files = append(files, archived{f})
		if f.Name == "go.mod" {
			if mod, err = read(f); err != nil {
				return "", "", err
			}
		}
	}
	list, err := modzip.CheckFiles(files)
	if err != nil {
		return "", "", err
	}
	var names []string
	opened := map[string]modzip.File{}
	prefix := modPath + "@" + version + "/"
	for _, f := range files {
		opened[prefix+f.Path()] = f
	}
	for _, name := range list.Valid {
		names = append(names, prefix+name)
	}
	if sum, err = dirhash.Hash1(names, func(name string) (io.ReadCloser, error) { return opened[name].Open() }); err != nil {
		return "", "", err
	}
	modSum, err = dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(mod)), nil })
	return sum, modSum, err
}

func read(f *zip.File) ([]byte, error) {
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return io.ReadAll(io.LimitReader(in, mostObject))
}

// archived is a file of git's archive as Go's rules for modules see it.
type archived struct{ *zip.File }

// Path implements zip.File of x/mod.
func (f archived) Path() string { return path.Clean(f.Name) }

// Lstat implements zip.File of x/mod.
func (f archived) Lstat() (fs.FileInfo, error) { return f.FileInfo(), nil }

// ThemeIn says how the working folder of a site comes to that of its theme: the folder in it where the theme is (a
// submodule), or the path of the Go module that it is. Both are "" where the generator is told.
func ThemeIn(site, theme string) (at, module string, err error) {
	from := func(dir string) pin.Source {
		return func(name string) ([]byte, bool, error) {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if errors.Is(err, os.ErrNotExist) {
				return nil, false, nil
			}
			return data, err == nil, err
		}
	}
	names := pin.Theme{Addresses: []string{theme}}
	if data, found, err := from(theme)("go.mod"); err == nil && found {
		names.Module = modfile.ModulePath(data)
	}
	if g, err := newGit(theme); err == nil {
		if url, err := g.run(context.Background(), "remote", "get-url", "origin"); err == nil {
			names.Addresses = append(names.Addresses, url)
		}
	}
	for _, file := range []string{pin.Module, pin.Submodule} {
		p, err := pin.Find(from(site), names, file)
		switch {
		case errors.Is(err, pin.ErrNone):
		case err != nil:
			return "", "", err
		case file == pin.Module:
			return "", names.Module, nil
		default:
			return p.Path, "", nil
		}
	}
	return "", "", nil
}
