package archtest

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// planned are packages of the design that are not there yet; a rule may name them already.
var planned = append(in("feed", "notify", "markdown", "report", "probe", "cli", "app"), "cmd/lull")

func source(t *testing.T) []File {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatal(err)
	}
	files, err := Files(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("only %d files found in %s", len(files), root)
	}
	return files
}

func TestImports(t *testing.T) {
	t.Parallel()
	breaches, err := Check(Rules, source(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range breaches {
		t.Error(b)
	}
}

// A package that is renamed must take its rules along.
func TestRulesNamePackagesThatExist(t *testing.T) {
	t.Parallel()
	exist := append(slices.Clone(planned), "internal", "cmd")
	for _, f := range source(t) {
		exist = append(exist, path.Dir(f.Path))
	}
	for _, r := range Rules {
		for _, p := range slices.Concat(r.Who, r.But, r.Only, r.Never) {
			dir := strings.TrimSuffix(p, "/...")
			first, _, _ := strings.Cut(dir, "/")
			if (first == "internal" || first == "cmd") && !slices.Contains(exist, dir) {
				t.Errorf("no package %s, which a rule names", dir)
			}
		}
	}
}

// Each row breaks one clause of one rule, by its place or by what it imports.
func TestRulesFire(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ file, body string }{
		{"internal/maint/a.go", `import _ "golang.org/x/text/language"`},
		{"internal/maint/a.go", `import _ "github.com/lullhq/lull/internal/hint"`},
		{"internal/maint/a.go", `import _ "context"`},
		{"internal/maint/a.go", "import \"time\"\nvar _ = time.Now()"},
		{"internal/timeline/a.go", `import _ "github.com/lullhq/lull/internal/run"`},
		{"internal/timeline/a.go", `import _ "database/sql"`},
		{"internal/run/a.go", `import _ "github.com/lullhq/lull/internal/pgup/cluster"`},
		{"internal/run/a.go", `import _ "github.com/jackc/pgx/v5"`},
		{"internal/run/a.go", `import _ "database/sql"`},
		{"internal/run/runtest/a.go", `import _ "modernc.org/sqlite"`},
		{"internal/view/a.go", `import _ "context"`},
		{"internal/view/a.go", `import _ "database/sql"`},
		{"internal/view/a.go", `import _ "github.com/lullhq/lull/internal/run"`},
		{"internal/feed/a.go", `import _ "net/http"`},
		{"internal/feed/atom/a.go", `import _ "net/http/httptest"`},
		{"internal/report/a.go", `import _ "golang.org/x/text/language"`},
		{"internal/view/a.go", "import \"time\"\nvar _ = time.Now()"},
		{"internal/view/a.go", "import clock \"time\"\nvar _ = clock.Now()"},
		{"internal/view/a.go", "import . \"time\"\nvar _ = Now()"},
		{"internal/view/a.go", "import \"time\"\nvar now = time.Now"},
		{"internal/view/a.go", "import \"time\"\nfunc f(t time.Time) any { return t.In(time.Local) }"},
		{"internal/report/a.go", "import \"time\"\nfunc f(t time.Time) any { return time.Since(t) }"},
		{"internal/pgup/a.go", `import _ "github.com/lullhq/lull/internal/httpd"`},
		{"internal/pgup/gate/a.go", `import _ "github.com/lullhq/lull/internal/notify/email"`},
		{"internal/pgup/a.go", `import _ "github.com/lullhq/lull/internal/sites"`},
		{"internal/pgup/a.go", `import _ "github.com/lullhq/lull/internal/cli"`},
		{"internal/httpd/a.go", `import _ "github.com/lullhq/lull/internal/pgup/cluster"`},
		{"internal/httpd/public/a.go", `import _ "github.com/lullhq/lull/internal/run"`},
		{"internal/httpd/a.go", `import _ "github.com/lullhq/lull/internal/httpd/api"`},
		{"internal/httpd/api/a.go", `import _ "github.com/lullhq/lull/internal/app"`},
		{"internal/auth/a.go", `import _ "net/http"`},
		{"internal/auth/a.go", "import \"time\"\nvar _ = time.Now()"},
		{"internal/say/a.go", `import _ "github.com/lullhq/lull/internal/config"`},
		{"internal/planstep/a.go", `import _ "github.com/lullhq/lull/internal/store"`},
		{"internal/cli/a.go", `import _ "github.com/lullhq/lull/internal/store"`},
		{"internal/run/a_test.go", `import _ "github.com/lullhq/lull/internal/store"`},
		{"internal/view/a_test.go", `import _ "github.com/lullhq/lull/internal/app"`},
		{"internal/app/a.go", `import _ "github.com/lullhq/lull/internal/cli"`},
		{"cmd/lull/main.go", `import _ "github.com/lullhq/lull/internal/app"`},
		{"cmd/lull/main.go", `import _ "github.com/spf13/cobra"`},
		{"internal/config/a.go", `import _ "github.com/jackc/pgx/v5/pgconn"`},
		{"internal/store/a.go", `import _ "github.com/lullhq/lull/internal/httpd"`},
		{"internal/httpd/a.go", `import _ "github.com/lullhq/lull/internal/sites"`},
		{"internal/sites/a.go", `import _ "github.com/lullhq/lull/internal/probe"`},
		{"internal/notify/email/a.go", `import _ "github.com/lullhq/lull/internal/httpd"`},
		{"internal/probe/a.go", `import _ "github.com/lullhq/lull/internal/notify/webhook"`},
		{"internal/notify/a.go", `import _ "net/http"`},
	} {
		if got := check(t, c.file, c.body); len(got) == 0 {
			t.Errorf("%s: nothing is said against %s", c.file, c.body)
		} else if !strings.Contains(got[0], "because ") || !strings.HasPrefix(got[0], c.file+":2:") && !strings.HasPrefix(got[0], c.file+":3:") {
			t.Errorf("no place or no reason: %s", got[0])
		}
	}
}

// Each word of each rule does something: no entry is shadowed, misspelt or dead.
func TestEachRuleFires(t *testing.T) {
	t.Parallel()
	for i, r := range Rules {
		dir := strings.TrimSuffix(r.Who[0], "/...")
		if dir == "internal" {
			dir = "internal/other"
		}
		var bodies []string
		for _, never := range r.Never {
			bodies = append(bodies, "import _ \""+full(strings.TrimSuffix(never, "/..."))+"\"")
		}
		if r.Only != nil {
			bodies = append(bodies, `import _ "example.com/other"`)
		}
		for _, name := range clock {
			if r.Clock {
				bodies = append(bodies, "import \"time\"\nvar _ = time."+name)
			}
		}
		if len(bodies) == 0 || r.Reason == "" {
			t.Errorf("rule %d forbids nothing, or gives no reason: %+v", i, r)
		}
		for _, body := range bodies {
			got, err := Check([]Rule{r}, []File{{dir + "/a.go", []byte("package a\n" + body)}})
			if err != nil || len(got) != 1 {
				t.Errorf("rule %d says %q, %v of %s in %s", i, got, err, body, dir)
			}
		}
	}
}

func TestRulesKeepQuiet(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ file, body string }{
		{"internal/maint/a.go", "import \"time\"\nvar _ = time.Hour"},
		{"internal/maint/a_test.go", `import _ "pgregory.net/rapid"`},
		{"internal/view/a.go", "type x struct{}\nfunc (x) Now() {}\nfunc f(time x) { time.Now() }"},
		{"internal/view/a.go", `import _ "github.com/lullhq/lull/internal/timeline"`},
		{"internal/timeline/logtest/a.go", `import _ "pgregory.net/rapid"`},
		{"internal/runner/a.go", `import _ "github.com/jackc/pgx/v5"`},
		{"internal/app/a.go", `import _ "github.com/lullhq/lull/internal/store"`},
		{"internal/store/a_test.go", `import _ "github.com/lullhq/lull/internal/store"`},
		{"internal/store/pg/a.go", `import _ "github.com/lullhq/lull/internal/store"`},
		{"internal/cli/a.go", `import _ "github.com/lullhq/lull/internal/app"`},
		{"cmd/lull/main.go", `import _ "github.com/lullhq/lull/internal/cli"`},
		{"internal/notify/webhook/a.go", `import _ "github.com/lullhq/lull/internal/notify"`},
	} {
		if got := check(t, c.file, c.body); len(got) > 0 {
			t.Errorf("%s: %s is allowed, but %s", c.file, c.body, got)
		}
	}
}

func check(t *testing.T, file, body string) []string {
	t.Helper()
	got, err := Check(Rules, []File{{file, []byte("package a\n" + body)}})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func full(pkg string) string {
	if strings.HasPrefix(pkg, "internal/") {
		return module + pkg
	}
	return pkg
}

func TestFilesLeavesOutWhatTheToolchainDoes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"a/a.go", "a/testdata/b.go", ".cache/c.go", "_d/d.go", "a/e.txt"} {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte("package a"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, err := Files(os.DirFS(dir))
	if err != nil || len(files) != 1 || files[0].Path != "a/a.go" {
		t.Errorf("%v, %v", files, err)
	}
}
