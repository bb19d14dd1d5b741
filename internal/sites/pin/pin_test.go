package pin

import (
	"errors"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/hint"
)

const (
	oldCommit = "1111111111111111111111111111111111111111"
	newCommit = "2222222222222222222222222222222222222222"
)

func files(m map[string]string) Source {
	return func(name string) ([]byte, bool, error) {
		s, ok := m[name]
		return []byte(s), ok, nil
	}
}

var theme = Theme{Addresses: []string{"git@github.com:acme/theme.git"}, Gem: "theme", Gemspec: "theme.gemspec", Module: "github.com/acme/theme", Package: "@acme/theme"}

const lock = "GIT\r\n  remote: https://github.com/other/x.git\r\n  revision: 3333333333333333333333333333333333333333\r\n  specs:\r\n    x (1)\r\n\r\n" +
	"GIT\r\n  remote: https://github.com/acme/theme\r\n  revision: " + oldCommit + "\r\n  branch: master\r\n  specs:\r\n    theme (1.0)\r\n      jekyll (~> 4.2)\r\n\r\n" +
	"DEPENDENCIES\r\n  theme!\r\n\r\nCHECKSUMS\r\n  theme (1.0)\r\n"

const spec = "Gem::Specification.new do |s|\n  s.name = 'theme'\n  s.version = VERSION\n  require_relative 'lib/theme/version'\n  s.add_dependency 'jekyll', '~> 4.2' # why\nend\n"

func move(t *testing.T, site, old, now map[string]string) (map[string]string, error) {
	t.Helper()
	p, err := Find(files(site), theme, "")
	if err != nil {
		return nil, err
	}
	edits, err := p.Move(theme, files(old), files(now), Target{Commit: newCommit})
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, e := range edits {
		for range 2 { // twice is once
			b, err := e.Do([]byte(site[e.File]))
			if err != nil {
				return nil, err
			}
			out[e.File] = string(b)
		}
		again, err := e.Do([]byte(out[e.File]))
		if err != nil || string(again) != out[e.File] {
			t.Errorf("%s, once more: %v\n%s", e.File, err, again)
		}
	}
	return out, nil
}

func TestGemfileLock(t *testing.T) {
	t.Parallel()
	version := func(v string) map[string]string {
		return map[string]string{"theme.gemspec": spec, "lib/theme/version.rb": "module Theme\n  VERSION = \"" + v + "\"\nend\n"}
	}
	site := map[string]string{Gemfile: lock}
	out, err := move(t, site, version("1.0"), version("1.0"))
	if want := strings.Replace(lock, oldCommit, newCommit, 1); err != nil || out[Gemfile] != want {
		t.Errorf("%v: %q", err, out[Gemfile])
	}
	out, err = move(t, site, version("1.0"), version("1.1"))
	if want := strings.ReplaceAll(strings.Replace(lock, oldCommit, newCommit, 1), "theme (1.0)", "theme (1.1)"); err != nil || out[Gemfile] != want {
		t.Errorf("%v: %q", err, out[Gemfile])
	}
	for name, now := range map[string]map[string]string{
		"another version of a gem": {"theme.gemspec": strings.Replace(spec, "4.2", "4.3", 1), "lib/theme/version.rb": "VERSION = '1.0'"},
		"one more gem":             {"theme.gemspec": strings.Replace(spec, "end\n", "  s.add_runtime_dependency(\"x\")\nend\n", 1), "lib/theme/version.rb": "VERSION = '1.0'"},
		"no gemspec":               {},
		"another Ruby":             {"theme.gemspec": strings.Replace(spec, "end\n", "  s.required_ruby_version = '>= 3'\nend\n", 1), "lib/theme/version.rb": "VERSION = '1.0'"},
	} {
		if _, err := move(t, site, version("1.0"), now); !errors.Is(err, ErrMore) || !strings.Contains(hint.Of(err), "bundle lock --update=theme --conservative") {
			t.Errorf("%s: %v (%s)", name, err, hint.Of(err))
		}
	}
	two := map[string]string{Gemfile: strings.Replace(lock, "    theme (1.0)", "    other (1)\r\n    theme (1.0)", 1)}
	if _, err := move(t, two, version("1.0"), version("1.0")); !errors.Is(err, ErrMore) {
		t.Errorf("two gems in one repository: %v", err)
	}
	if _, err := Find(files(map[string]string{Gemfile: strings.Replace(lock, "theme (1.0)", "thema (1.0)", 1)}), theme, ""); !errors.Is(err, ErrNone) || hint.Of(err) == "" {
		t.Errorf("another gem: %v", err)
	}
}

func TestPackageLock(t *testing.T) {
	t.Parallel()
	text := `{"lockfileVersion": 3, "packages": {
 "": {"dependencies": {"t": "github:acme/theme"}},
 "node_modules/t": {"name": "@acme/theme",
  "version": "1.0.0",
  "resolved": "git+ssh://git@github.com/acme/theme.git#` + oldCommit + `"}
}}`
	manifest := func(version, more string) map[string]string {
		return map[string]string{"package.json": `{"name": "@acme/theme", "version": "` + version + `"` + more + `}`}
	}
	out, err := move(t, map[string]string{Package: text}, manifest("1.0.0", ""), manifest("1.2.0", `, "scripts": {"a": "b"}`))
	if want := strings.NewReplacer(oldCommit, newCommit, "1.0.0", "1.2.0").Replace(text); err != nil || out[Package] != want {
		t.Errorf("%v: %s", err, out[Package])
	}
	if _, err := move(t, map[string]string{Package: text}, manifest("1.0.0", ""), manifest("1.0.0", `, "dependencies": {"x": "1"}`)); !errors.Is(err, ErrMore) {
		t.Errorf("one more package: %v", err)
	}
	for name, c := range map[string][2]string{
		"checksum":        {`.git#` + oldCommit + `"`, `.git#` + oldCommit + `", "integrity": "sha512-x"`},
		"asked by commit": {"github:acme/theme", "github:acme/theme#" + oldCommit},
	} {
		if _, err := move(t, map[string]string{Package: strings.Replace(text, c[0], c[1], 1)}, manifest("1.0.0", ""), manifest("1.0.0", "")); !errors.Is(err, ErrMore) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, a := range []string{"https://github.com/acme/theme", "git@github.com:acme/theme.git", "ssh://git@GitHub.com/acme/theme.git/", "git+ssh://git@github.com/acme/theme.git"} {
		if !theme.isAt(a) {
			t.Errorf("%s is another one", a)
		}
	}
	for _, a := range []string{"https://github.com/acme/theme2", "https://gitlab.com/acme/theme", "", "/", "https://github.com"} {
		if theme.isAt(a) {
			t.Errorf("%s is the same", a)
		}
	}
}

// FuzzPins says that no file makes a pin fail otherwise than with an error, and that a move changes nothing but what it is to change.
func FuzzPins(f *testing.F) {
	f.Add([]byte(lock), uint8(0))
	f.Add([]byte("module x\nrequire github.com/acme/theme v0.0.0-20200101000000-abcdefabcdef\n"), uint8(1))
	f.Add([]byte(`{"lockfileVersion": 3, "packages": {"node_modules/@acme/theme": {"version": "1", "resolved": "git+ssh://git@github.com/acme/theme.git#`+oldCommit+`"}}}`), uint8(2))
	f.Add([]byte("[submodule \"x\"]\n\tpath = x\n\turl = https://github.com/acme/theme\n"), uint8(3))
	old := map[string]string{"theme.gemspec": spec, "lib/theme/version.rb": "VERSION = '1.0'", "package.json": `{"version": "1"}`, "go.mod": "module github.com/acme/theme\n"}
	f.Fuzz(func(t *testing.T, data []byte, which uint8) {
		name := Files[int(which)%len(Files)]
		site := map[string]string{name: string(data)}
		p, err := Find(files(site), theme, name)
		if err != nil {
			return
		}
		edits, err := p.Move(theme, files(old), files(old), Target{Commit: newCommit, GoModule: func(string) (string, string, string, error) {
			return "v0.0.0-20210101000000-222222222222", "h1:a=", "h1:b=", nil
		}})
		if err != nil {
			return
		}
		for _, e := range edits {
			if e.Link != "" {
				continue
			}
			out, err := e.Do(data)
			if err != nil {
				continue
			}
			if back, err := Find(files(map[string]string{name: string(out)}), theme, name); err != nil || back.Commit != newCommit && back.Commit != newCommit[:12] {
				t.Fatalf("%q became %q: %v %v", data, out, back, err)
			}
		}
	})
}
