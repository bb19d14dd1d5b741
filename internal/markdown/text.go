package markdown

import (
	"bufio"
	"bytes"
	stdhtml "html"
	"strconv"
	"strings"

	"github.com/yuin/goldmark/ast"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer/html"
)

// Text gives what a reader would see, with a line of its own for each paragraph and item, and
// the address of a link behind its text.
func Text(source string) string {
	src := []byte(clean(source))
	return strings.TrimSpace(clean(plain{src}.blocks(parse(src, nil), "\n\n")))
}

// plain writes nodes of one source.
type plain struct{ src []byte }

func (p plain) blocks(parent ast.Node, between string) string {
	var out []string
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		if s := p.block(n); s != "" {
			out = append(out, s)
		}
	}
	return strings.Join(out, between)
}

func (p plain) block(n ast.Node) string {
	switch n := n.(type) {
	case *ast.List:
		return p.list(n)
	case *ast.Blockquote:
		return indent(p.blocks(n, "\n\n"), "> ", "> ")
	case *ast.CodeBlock, *ast.FencedCodeBlock:
		return strings.TrimRight(string(n.Lines().Value(p.src)), "\n")
	case *ast.ThematicBreak:
		return "---"
	case *east.Table:
		return p.blocks(n, "\n")
	case *east.TableHeader, *east.TableRow:
		return p.blocks(n, " | ")
	}
	return p.inline(n)
}

func (p plain) list(l *ast.List) string {
	between := "\n\n"
	if l.IsTight {
		between = "\n"
	}
	var out []string
	number := l.Start
	for n := l.FirstChild(); n != nil; n = n.NextSibling() {
		mark := "- "
		if l.IsOrdered() {
			mark = strconv.Itoa(number) + ". "
			number++
		}
		out = append(out, indent(p.blocks(n, between), mark, strings.Repeat(" ", len(mark))))
	}
	return strings.Join(out, between)
}

func indent(s, first, rest string) string {
	return first + strings.ReplaceAll(s, "\n", "\n"+rest)
}

func (p plain) inline(parent ast.Node) string {
	var out strings.Builder
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Text:
			out.WriteString(p.words(n))
		case *ast.String:
			out.WriteString(resolved(n.Value))
		case *ast.AutoLink:
			out.Write(n.Label(p.src))
		case *ast.Link:
			out.WriteString(link(p.inline(n), resolved(n.Destination)))
		default:
			out.WriteString(p.inline(n))
		}
	}
	return out.String()
}

func (p plain) words(n *ast.Text) string {
	value := n.Value(p.src)
	if n.IsRaw() || n.Parent().Kind() == ast.KindCodeSpan {
		return strings.ReplaceAll(string(value), "\n", " ")
	}
	switch s := resolved(value); {
	case n.HardLineBreak():
		return s + "\n"
	case n.SoftLineBreak():
		return s + " "
	default:
		return s
	}
}

func link(text, url string) string {
	if text == url || "mailto:"+text == url {
		return text
	}
	return strings.TrimSpace(text + " (" + url + ")")
}

// resolved takes escapes and entities for what they stand for, by the renderer's own rules.
func resolved(b []byte) string {
	var out bytes.Buffer
	w := bufio.NewWriter(&out)
	html.DefaultWriter.Write(w, b)
	_ = w.Flush() // into a buffer
	return stdhtml.UnescapeString(out.String())
}
