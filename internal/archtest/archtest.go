// Package archtest holds who may import whom, each rule with its reason, and the
// test that enforces it. It reads source files only and must not import any
// other package of the module.
package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

const module = "github.com/lullhq/lull/"

// Rule is one sentence about some packages. A package is named by its folder, with
// /... for those below it too; std is the standard library.
type Rule struct {
	Who    []string // for whom it holds
	But    []string // and for whom it does not
	Only   []string // they import nothing else
	Never  []string // they import none of these
	Clock  bool     // they never read the clock
	Tests  bool     // it holds for test files too
	Reason string
}

// File is a source file, by its path from the module's folder.
type File struct {
	Path   string
	Source []byte
}

// Check gives a sentence for each breach of the rules.
func Check(rules []Rule, files []File) ([]string, error) {
	var out []string
	for _, f := range files {
		fset := token.NewFileSet()
		tree, err := parser.ParseFile(fset, f.Path, f.Source, parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("parse source: %w", err)
		}
		for _, r := range rules {
			if !r.holds(f.Path) {
				continue
			}
			for _, what := range r.breaches(path.Dir(f.Path), fset, tree) {
				out = append(out, what+"\n    because "+r.Reason)
			}
		}
	}
	return out, nil
}

func (r Rule) holds(file string) bool {
	if strings.HasSuffix(file, "_test.go") && !r.Tests {
		return false
	}
	dir := path.Dir(file)
	return matches(r.Who, dir) && !matches(r.But, dir)
}

func (r Rule) breaches(dir string, fset *token.FileSet, tree *ast.File) []string {
	var out []string
	for _, spec := range tree.Imports {
		target, _ := strconv.Unquote(spec.Path.Value) // the parser took it already
		target = strings.TrimPrefix(target, module)
		if matches(r.Never, target) || r.Only != nil && target != dir && !matches(r.Only, target) {
			out = append(out, fmt.Sprintf("%s: %s may not import %s", fset.Position(spec.Pos()), dir, target))
		}
	}
	if r.Clock {
		for _, n := range clockReads(tree) {
			out = append(out, fmt.Sprintf("%s: %s may not use time.%s", fset.Position(n.Pos()), dir, n.Name))
		}
	}
	return out
}

func matches(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if p == "std" {
			return isStandard(pkg)
		}
		folder, below := strings.CutSuffix(p, "/...")
		return pkg == folder || below && strings.HasPrefix(pkg, folder+"/")
	})
}

// isStandard: only paths outside the standard library begin with a host name, and
// Check has cut this module's name off its own.
func isStandard(pkg string) bool {
	first, _, _ := strings.Cut(pkg, "/")
	return !strings.Contains(first, ".") && first != "internal" && first != "cmd"
}

// clock is what depends on when, or on which machine, the code runs.
var clock = []string{"Now", "Since", "Until", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Sleep", "Local"}

func clockReads(tree *ast.File) []*ast.Ident {
	name := importedAs(tree, "time")
	var out []*ast.Ident
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == name && slices.Contains(clock, n.Sel.Name) {
				out = append(out, n.Sel)
			}
		case *ast.Ident:
			if name == "." && slices.Contains(clock, n.Name) {
				out = append(out, n)
			}
		}
		return true
	})
	return out
}

func importedAs(tree *ast.File, pkg string) string {
	for _, spec := range tree.Imports {
		if spec.Path.Value != strconv.Quote(pkg) {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(pkg)
	}
	return ""
}

// Files reads the module's source, without what the toolchain leaves out too.
func Files(module fs.FS) ([]File, error) {
	var out []File
	err := fs.WalkDir(module, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && name != "." && skipped(e.Name()):
			return fs.SkipDir
		case e.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		source, err := fs.ReadFile(module, name)
		out = append(out, File{name, source})
		return err
	})
	return out, err
}

func skipped(dir string) bool {
	return dir == "testdata" || dir == "vendor" || strings.HasPrefix(dir, ".") || strings.HasPrefix(dir, "_")
}
