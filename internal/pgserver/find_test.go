package pgserver

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/hint"
)

func TestPlaces(t *testing.T) {
	t.Parallel()
	anywhere := func(string) bool { return true }
	tests := map[string]struct {
		s     surroundings
		extra []string
		want  []string // in this order at the front
	}{
		"what is given comes first": {
			surroundings{dirs: []string{"/env"}, mayHave: anywhere}, []string{"/given"},
			[]string{"/given", "/given/bin", "/given/17/bin", "/env", "/env/bin", "/env/17/bin", "/usr/lib/postgresql/17/bin"},
		},
		"a checkout is found from below, and from the program's folder": {
			surroundings{start: []string{"/src/internal/x", "/src/bin"}, mayHave: func(dir string) bool { return dir == "/src/.cache/pg/17/bin" }}, nil,
			[]string{"/src/.cache/pg/17/bin", "/src/.cache/pg/17/bin", "/usr/lib/postgresql/17/bin"},
		},
		"the nearest checkout wins": {
			surroundings{start: []string{"/src/below"}, mayHave: anywhere}, nil,
			[]string{"/src/below/.cache/pg/17/bin", "/usr/lib/postgresql/17/bin"},
		},
		"nothing of a checkout that may not be used": {
			surroundings{start: []string{"/src"}, mayHave: func(string) bool { return false }}, nil,
			[]string{"/usr/lib/postgresql/17/bin", "/usr/pgsql-17/bin", "/opt/homebrew/opt/postgresql@17/bin", "/usr/local/opt/postgresql@17/bin"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.s.path = []string{"/path"}
			got := test.s.places(17, test.extra)
			if diff := cmp.Diff(test.want, got[:min(len(test.want), len(got))]); diff != "" {
				t.Error(diff)
			}
			if last := got[len(got)-1]; last != "/path" {
				t.Errorf("PATH is to come last, not %s", last)
			}
		})
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	for _, major := range []int{13, 17} {
		in, err := Find(major)
		if err != nil {
			t.Fatalf("%v: %s", err, hint.Of(err))
		}
		if in.Major != major || !strings.HasPrefix(in.Version, strconv.Itoa(major)+".") {
			t.Errorf("found %+v", in)
		}
		if real, err := filepath.EvalSymlinks(in.Bin); err != nil || real != in.Bin {
			t.Errorf("%s has links in it: %v", in.Bin, err)
		}
		if os.Geteuid() == 0 && in.Owner.UID == 0 {
			t.Error("programs would run as root")
		}
		if out, err := in.Command(t.Context(), "initdb", "--version").Output(); err != nil || !strings.Contains(string(out), in.Version) {
			t.Errorf("initdb says %q, %v", out, err)
		}
	}
}

// A folder of the wrong version is passed over, wherever it is named.
func TestFindGivenWrong(t *testing.T) {
	t.Parallel()
	thirteen, err := Find(13)
	if err != nil {
		t.Fatal(err)
	}
	if in, err := Find(17, thirteen.Bin); err != nil || in.Major != 17 {
		t.Errorf("found %+v, %v", in, err)
	}
}

func TestFindNothing(t *testing.T) {
	t.Parallel()
	_, err := Find(8)
	if err == nil || !strings.Contains(hint.Of(err), "postgresql-8") {
		t.Errorf("got %v, hint %q", err, hint.Of(err))
	}
}

// A server without pg_upgrade, as a package may leave it, is not enough, and the error says so.
func TestInspectIncomplete(t *testing.T) {
	t.Parallel()
	whole, err := Find(17)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	server, err := os.ReadFile(filepath.Join(whole.Bin, "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "postgres"), server, 0o755); err != nil {
		t.Fatal(err)
	}
	in, err := inspect(dir, needed)
	if in.Major != 17 || err == nil || !strings.Contains(err.Error(), "lacks initdb") {
		t.Errorf("got %+v, %v", in, err)
	}
}

func TestOurs(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make a folder of somebody else's")
	}
	dir := t.TempDir()
	if !ours(dir) {
		t.Error("a folder made by this user is refused")
	}
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if ours(dir) {
		t.Error("a folder of another user is taken")
	}
	t.Setenv("SUDO_UID", "65534") // not parallel for this
	if !ours(dir) {
		t.Error("a folder of the user who called sudo is refused")
	}
}

func TestEnviron(t *testing.T) {
	t.Parallel()
	have := []string{"PATH=/bin", "PGHOST=elsewhere", "PGOPTIONS=-c x=y", "HOME=/home/me", "LC_ALL=de_DE", "TMPDIR=/home/me/tmp"}
	tests := map[string]struct {
		owner Owner
		want  []string
	}{
		"as oneself": {Owner{}, []string{"PATH=/bin", "HOME=/home/me", "TMPDIR=/home/me/tmp", "LC_ALL=C"}},
		"as another": {Owner{UID: 1, Name: "pg", Home: "/"}, []string{"PATH=/bin", "LC_ALL=C", "HOME=/", "USER=pg", "LOGNAME=pg"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, environ(slices.Clone(have), test.owner)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
