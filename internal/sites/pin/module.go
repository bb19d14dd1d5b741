package pin

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// goModule is a line of go.mod, by which Hugo takes a theme.
type goModule struct {
	path, version string
	sum           bool // there is a go.sum
}

func findModule(data []byte, site Source, t Theme) (Pin, error) {
	f, err := modfile.ParseLax(Module, data, nil)
	if err != nil {
		return Pin{}, fmt.Errorf("it cannot be read: %w", err)
	}
	for _, r := range f.Require {
		if r.Mod.Path != t.Module && !t.isAt("https://"+r.Mod.Path) {
			continue
		}
		for _, x := range f.Replace {
			if x.Old.Path == r.Mod.Path {
				return Pin{}, fmt.Errorf("%s is replaced by %s", r.Mod.Path, x.New.Path)
			}
		}
		if _, vendored, err := site("_vendor/modules.txt"); err != nil || vendored {
			return Pin{}, errors.Join(err, more("hugo mod get "+r.Mod.Path+" && hugo mod vendor", "the site carries a copy of it in _vendor"))
		}
		_, sum, err := site("go.sum")
		commit := ""
		if module.IsPseudoVersion(r.Mod.Version) {
			commit, _ = module.PseudoVersionRev(r.Mod.Version)
		}
		return Pin{Commit: commit, entry: goModule{r.Mod.Path, r.Mod.Version, sum}}, err
	}
	return Pin{}, ErrNone
}

func (g goModule) move(_ Theme, old, now Source, to Target) ([]Edit, error) {
	command := "hugo mod get " + g.path + "@" + to.Commit
	was, _, err := old(Module)
	if err != nil {
		return nil, err
	}
	is, _, err := now(Module)
	if err != nil {
		return nil, err
	}
	if a, b := requires(was), requires(is); !slices.Equal(a, b) {
		return nil, more(command, "%s requires other modules, or other versions, than before", g.path)
	}
	version, sum, modSum, err := to.GoModule(g.version)
	if err != nil {
		return nil, err
	}
	edits := []Edit{{File: Module, Do: func(data []byte) ([]byte, error) { return g.rewrite(data, version) }}}
	if g.sum {
		edits = append(edits, Edit{File: "go.sum", Do: func(data []byte) ([]byte, error) { return g.rewriteSum(data, version, sum, modSum) }})
	}
	return edits, nil
}

func requires(data []byte) (out []string) {
	f, err := modfile.ParseLax(Module, data, nil)
	if err != nil {
		return []string{string(data)}
	}
	for _, r := range f.Require {
		out = append(out, r.Mod.String())
	}
	slices.Sort(out)
	return out
}

func (g goModule) rewrite(data []byte, version string) ([]byte, error) {
	f, err := modfile.ParseLax(Module, data, nil)
	if err != nil {
		return nil, err
	}
	for _, r := range f.Require {
		if r.Mod.Path != g.path {
			continue
		}
		if r.Mod.Version == version {
			return data, nil
		}
		start, end := r.Syntax.Start.Byte, r.Syntax.End.Byte
		line := data[start:end]
		if bytes.Count(line, []byte(r.Mod.Version)) != 1 {
			return nil, fmt.Errorf("line %d is written in a way that lull cannot change", r.Syntax.Start.Line)
		}
		return slices.Concat(data[:start], bytes.Replace(line, []byte(r.Mod.Version), []byte(version), 1), data[end:]), nil
	}
	return nil, fmt.Errorf("it does not require %s any more", g.path)
}

// rewriteSum puts the new checksums in the place of the old ones. Lines of other versions stay.
func (g goModule) rewriteSum(data []byte, version, sum, modSum string) ([]byte, error) {
	eol := "\n"
	if bytes.Contains(data, []byte("\r\n")) {
		eol = "\r\n"
	}
	want := []string{g.path + " " + version + " " + sum, g.path + " " + version + "/go.mod " + modSum}
	var out []string
	placed := false
	for line := range strings.Lines(string(data)) {
		bare := strings.TrimRight(line, "\r\n")
		of, rest, _ := strings.Cut(bare, " ")
		v, _, _ := strings.Cut(rest, " ")
		if of == g.path && (v == g.version || v == g.version+"/go.mod" || v == version || v == version+"/go.mod") {
			if !placed {
				out = append(out, want[0]+eol, want[1]+eol)
				placed = true
			}
			continue
		}
		out = append(out, line)
	}
	if !placed {
		out = append(out, want[0]+eol, want[1]+eol)
	}
	return []byte(strings.Join(out, "")), nil
}
