package markdown

import (
	"bytes"

	"github.com/yuin/goldmark/ast"
)

// tame takes out what may not be there: links and pictures that lead elsewhere become their
// text. It also moves headings below those of the page.
func tame(doc ast.Node, src []byte, pictures map[string]string) {
	var unwanted []ast.Node
	walk(doc, func(n ast.Node) {
		switch n := n.(type) {
		case *ast.Heading:
			n.Level = min(n.Level+2, 6)
		case *ast.Link:
			if !leadsSomewhere(n.Destination) {
				unwanted = append(unwanted, n)
			}
		case *ast.Image:
			if kept := pictures[string(n.Destination)]; kept != "" {
				n.Destination = []byte(kept)
			} else if !begins(n.Destination, "https://") {
				unwanted = append(unwanted, n)
			}
		case *ast.AutoLink:
			if n.AutoLinkType == ast.AutoLinkURL && !leadsSomewhere(n.URL(src)) {
				unwanted = append(unwanted, n)
			}
		}
	})
	for _, n := range unwanted {
		unwrap(n, src)
	}
}

// walk visits every node before its children.
func walk(n ast.Node, visit func(ast.Node)) {
	visit(n)
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		walk(c, visit)
	}
}

// leadsSomewhere is the list of what an address may begin with. It is asked before the renderer
// resolves escapes, so that an escaped scheme is one that is not on the list.
func leadsSomewhere(url []byte) bool {
	return begins(url, "http://") || begins(url, "https://") || begins(url, "mailto:")
}

func begins(url []byte, scheme string) bool {
	return len(url) > len(scheme) && bytes.EqualFold(url[:len(scheme)], []byte(scheme))
}

// unwrap puts what a node says into its place.
func unwrap(n ast.Node, src []byte) {
	parent := n.Parent()
	if a, ok := n.(*ast.AutoLink); ok {
		parent.ReplaceChild(parent, a, ast.NewString(a.Label(src)))
		return
	}
	for c := n.FirstChild(); c != nil; c = n.FirstChild() {
		n.RemoveChild(n, c)
		parent.InsertBefore(parent, n, c)
	}
	parent.RemoveChild(parent, n)
}
