// Package markdown turns what people write into HTML that is safe in any page or
// feed, and into plain text for places that have no markup.
//
// Raw HTML is not markup here, it stays the characters that were typed. Links lead to
// http, https and mailto addresses, pictures come over https or are kept by whoever shows
// them; what leads elsewhere is left as its text. It must not know who writes or where the result is shown.
package markdown

import (
	"bytes"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// HTML gives well-formed markup without scripts, styles or handlers. Its headings begin at
// the third level: those above belong to the page.
func HTML(source string) string { return Illustrated(source, nil) }

// Illustrated is HTML with pictures that are kept by whoever shows it: the address of each, by what the source calls it.
func Illustrated(source string, pictures map[string]string) string {
	src := []byte(clean(source))
	var out bytes.Buffer
	if err := engine.Renderer().Render(&out, src, parse(src, pictures)); err != nil {
		panic(err) // a buffer takes everything that is written
	}
	return clean(out.String()) // again, of what was written as a numeric reference
}

// clean leaves out what neither XML 1.0 (section 2.2) nor a reader has any use for.
func clean(source string) string {
	source = strings.ReplaceAll(strings.ToValidUTF8(source, "\uFFFD"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r < 0x20 || r >= 0x7f && r < 0xa0 || r&0xfffe == 0xfffe:
			return -1
		}
		return r
	}, source)
}

// Pictures are what the source calls its pictures, but for those that come over https, each once.
func Pictures(source string) (out []string) {
	walk(engine.Parser().Parse(text.NewReader([]byte(clean(source)))), func(n ast.Node) {
		if p, ok := n.(*ast.Image); ok && !begins(p.Destination, "https://") && !slices.Contains(out, string(p.Destination)) {
			out = append(out, string(p.Destination))
		}
	})
	return out
}

func parse(src []byte, pictures map[string]string) ast.Node {
	doc := engine.Parser().Parse(text.NewReader(src))
	tame(doc, src, pictures)
	return doc
}

// engine is CommonMark and tables, struck text and bare addresses, without the two parsers of raw
// HTML: what nobody parses is text, and text is escaped. XHTML makes it fit for XML as well. The
// attribute for a cell's alignment takes the place of a style, which a strict policy of the page forbids.
var engine = goldmark.New(
	goldmark.WithParser(parser.NewParser(
		parser.WithBlockParsers(
			util.Prioritized(parser.NewSetextHeadingParser(), 100),
			util.Prioritized(parser.NewThematicBreakParser(), 200),
			util.Prioritized(parser.NewListParser(), 300),
			util.Prioritized(parser.NewListItemParser(), 400),
			util.Prioritized(parser.NewCodeBlockParser(), 500),
			util.Prioritized(parser.NewATXHeadingParser(), 600),
			util.Prioritized(parser.NewFencedCodeBlockParser(), 700),
			util.Prioritized(parser.NewBlockquoteParser(), 800),
			util.Prioritized(parser.NewParagraphParser(), 1000),
		),
		parser.WithInlineParsers(
			util.Prioritized(parser.NewCodeSpanParser(), 100),
			util.Prioritized(parser.NewLinkParser(), 200),
			util.Prioritized(parser.NewAutoLinkParser(), 300),
			util.Prioritized(parser.NewEmphasisParser(), 500),
		),
		parser.WithParagraphTransformers(parser.DefaultParagraphTransformers()...),
	)),
	goldmark.WithExtensions(
		extension.Linkify, extension.Strikethrough,
		extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)),
	),
	goldmark.WithRendererOptions(html.WithXHTML()),
)
