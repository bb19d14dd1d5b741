package pgtest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/pgserver"
)

// above is how many folders up from its programs a server looks for its other files: Debian has them in
// usr/lib/postgresql/17/bin and usr/share/postgresql/17.
const above = 4

// Without gives an installation that lacks one of its libraries until install is called, and ends with the test. A
// server finds its other files by where its own program is, so programs are copied, and all around them is linked.
func Without(t testing.TB, in pgserver.Install, library string) (lacking pgserver.Install, install func()) {
	t.Helper()
	root, err := in.Owner.TempDir()
	check(t, err)
	t.Cleanup(func() { remove(t, root) })
	from := in.Bin
	for range above {
		from = filepath.Dir(from)
	}
	way, err := filepath.Rel(from, in.Bin)
	check(t, err)
	to := root
	for part := range strings.SplitSeq(filepath.Dir(way), string(filepath.Separator)) {
		link(t, from, to, part)
		from, to = filepath.Join(from, part), filepath.Join(to, part)
	}
	name := library + ".so"
	link(t, from, to, "bin", "lib")
	link(t, filepath.Join(from, "lib"), filepath.Join(to, "lib"), name)
	check(t, os.CopyFS(filepath.Join(to, "bin"), os.DirFS(in.Bin)))
	in.Bin = filepath.Join(to, "bin")
	return in, func() {
		t.Helper()
		check(t, os.Symlink(filepath.Join(from, "lib", name), filepath.Join(to, "lib", name)))
	}
}

// link links every file of a folder in another one, but for those of these names.
func link(t testing.TB, from, to string, but ...string) {
	t.Helper()
	check(t, os.MkdirAll(to, 0o755))
	entries, err := os.ReadDir(from)
	check(t, err)
	for _, e := range entries {
		if !slices.Contains(but, e.Name()) {
			check(t, os.Symlink(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())))
		}
	}
}
