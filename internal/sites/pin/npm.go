package pin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// lockEntry is what package-lock.json says of one package (npm's package-lock.json(5)).
type lockEntry struct {
	Version   string `json:"version"`
	Resolved  string `json:"resolved"`
	Integrity string `json:"integrity"`
	Name      string `json:"name"`
}

// npm is the theme's entry.
type npm struct {
	name, commit, version string
	integrity             bool
	asked                 string // what the site's own package.json asks for
}

func findPackage(lock []byte, t Theme) (Pin, error) {
	var file struct {
		Version  int `json:"lockfileVersion"`
		Packages map[string]json.RawMessage
	}
	if err := json.Unmarshal(lock, &file); err != nil {
		return Pin{}, fmt.Errorf("it is no JSON: %w", err)
	}
	if file.Version < 2 {
		return Pin{}, errors.New("it is of a version of npm before 7, which cannot be moved by lull")
	}
	var found []npm
	for _, key := range slices.Sorted(maps.Keys(file.Packages)) {
		var e lockEntry
		if err := json.Unmarshal(file.Packages[key], &e); err != nil {
			return Pin{}, fmt.Errorf("its entry %q cannot be read: %w", key, err)
		}
		name, ok := strings.CutPrefix(key, "node_modules/")
		address, commit, isGit := strings.Cut(e.Resolved, "#")
		if !ok || !isGit || !strings.HasPrefix(e.Resolved, "git") || name != t.Package && e.Name != t.Package && !t.isAt(address) {
			continue
		}
		found = append(found, npm{name: name, commit: commit, version: e.Version, integrity: e.Integrity != ""})
	}
	switch {
	case len(found) == 0:
		return Pin{}, ErrNone
	case len(found) > 1:
		return Pin{}, errors.New("the theme is there twice")
	case !hexID.MatchString(found[0].commit):
		return Pin{}, fmt.Errorf("%q of %s is no commit", found[0].commit, found[0].name)
	}
	n := found[0]
	var root struct{ Dependencies, DevDependencies map[string]string }
	_ = json.Unmarshal(file.Packages[""], &root) // it was decoded above
	n.asked = root.Dependencies[n.name] + root.DevDependencies[n.name]
	return Pin{Commit: n.commit, entry: n}, nil
}

// manifest is the part of a package.json that a lock file repeats.
type manifest struct {
	Version string          `json:"version"`
	Rest    map[string]any  `json:"-"`
	Raw     json.RawMessage `json:"-"`
}

// repeated are the keys of package.json that npm writes into the lock file.
var repeated = []string{"dependencies", "optionalDependencies", "peerDependencies", "peerDependenciesMeta", "bin", "engines", "os", "cpu", "license", "funding", "deprecated", "bundleDependencies", "hasInstallScript"}

func readManifest(from Source) (m manifest, err error) {
	data, found, err := from("package.json")
	if err != nil {
		return m, err
	}
	if !found {
		return m, errors.New("it has no package.json")
	}
	var all map[string]any
	if err := errors.Join(json.Unmarshal(data, &m), json.Unmarshal(data, &all)); err != nil {
		return m, fmt.Errorf("its package.json cannot be read: %w", err)
	}
	m.Rest = map[string]any{}
	for _, key := range repeated {
		if v, ok := all[key]; ok {
			m.Rest[key] = v
		}
	}
	return m, nil
}

func (n npm) move(_ Theme, old, now Source, to Target) ([]Edit, error) {
	command := "npm update " + n.name
	was, err := readManifest(old)
	if err != nil {
		return nil, more(command, "%w", err)
	}
	is, err := readManifest(now)
	if err != nil {
		return nil, more(command, "%w", err)
	}
	a, _ := json.Marshal(was.Rest) // it was decoded from JSON
	b, _ := json.Marshal(is.Rest)
	switch {
	case !bytes.Equal(a, b):
		return nil, more(command, "%s depends on other packages, or other versions, than before", n.name)
	case n.integrity && to.Commit != n.commit:
		return nil, more(command, "package-lock.json holds a checksum of it")
	case strings.Contains(n.asked, n.commit) && to.Commit != n.commit:
		return nil, more("npm install '"+strings.Replace(n.asked, n.commit, to.Commit, 1)+"'", "package.json asks for the commit itself")
	}
	return []Edit{{File: Package, Do: func(lock []byte) ([]byte, error) { return n.rewrite(lock, to.Commit, is.Version) }}}, nil
}

// rewrite replaces the commit, and the version, in the theme's entry.
func (n npm) rewrite(lock []byte, commit, version string) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Load(lock, &doc); err != nil { // JSON is YAML, and the parser tells where a value stands
		return nil, fmt.Errorf("find the entry of %s: %w", n.name, err)
	}
	e := under(under(doc.Content[0], "packages"), "node_modules/"+n.name)
	type cut struct {
		at       *yaml.Node
		was, now string
	}
	cuts := []cut{{under(e, "resolved"), n.commit, commit}}
	if v := under(e, "version"); v != nil && version != "" {
		cuts = append(cuts, cut{v, v.Value, version})
	}
	lines := bytes.SplitAfter(lock, []byte("\n"))
	for _, c := range cuts {
		if c.at == nil || c.at.Line > len(lines) {
			return nil, fmt.Errorf("the entry of %s is not as expected", n.name)
		}
		line := lines[c.at.Line-1]
		switch {
		case strings.HasSuffix(c.at.Value, c.now):
			continue
		case bytes.Count(line, []byte(c.was+`"`)) != 1:
			return nil, fmt.Errorf("line %d: the entry of %s is written in a way that lull cannot change", c.at.Line, n.name)
		}
		lines[c.at.Line-1] = bytes.Replace(line, []byte(c.was+`"`), []byte(c.now+`"`), 1)
	}
	out := bytes.Join(lines, nil)
	if !json.Valid(out) {
		return nil, errors.New("after the change it would be no JSON")
	}
	return out, nil
}

func under(n *yaml.Node, key string) *yaml.Node {
	if n == nil {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}
