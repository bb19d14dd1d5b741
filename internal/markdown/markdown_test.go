package markdown

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHTML(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"words", "All *is* **well**.", "<p>All <em>is</em> <strong>well</strong>.</p>\n"},
		{"headings are below the page's", "# One\n\nTwo\n---\n\n###### Six", "<h3>One</h3>\n<h4>Two</h4>\n<h6>Six</h6>\n"},
		{"links", "[a](https://x.example/?a=1&b=2) https://y.example <me@x.example> [m](mailto:a@x.example)",
			`<p><a href="https://x.example/?a=1&amp;b=2">a</a> <a href="https://y.example">https://y.example</a> ` +
				`<a href="mailto:me@x.example">me@x.example</a> <a href="mailto:a@x.example">m</a></p>` + "\n"},
		{"links elsewhere", "[a](javascript:alert(1)) [b](JAVASCRIPT:x) [c](data:text/html,x) [d](/here) [e](//x.example) <ftp://x.example/> [f](vbscript:x)",
			"<p>a b c d e ftp://x.example/ f</p>\n"},
		{"an escaped scheme is none", "[a](&#106;avascript:x) [b](java&Tab;script:x) [c](\\javascript:x) [d](https&colon;//x)", "<p>a b c d</p>\n"},
		{"pictures", "![a](https://x.example/a.png) ![b](http://x.example/b.png) ![c](data:image/png;base64,x)",
			`<p><img src="https://x.example/a.png" alt="a" /> b c</p>` + "\n"},
		{"a link around a picture", "[![a](x.png)](https://x.example)", `<p><a href="https://x.example">a</a></p>` + "\n"},
		{"raw HTML is text", "<script>alert(1)</script> use <host>:5432 <!-- no --> &lt;b&gt;",
			"<p>&lt;script&gt;alert(1)&lt;/script&gt; use &lt;host&gt;:5432 &lt;!-- no --&gt; &lt;b&gt;</p>\n"},
		{"attributes cannot be broken out of", `[a](https://x.example/"onclick=x "b\" onclick=y")`,
			`<p><a href="https://x.example/%22onclick=x" title="b&quot; onclick=y">a</a></p>` + "\n"},
		{"no style on tables", "|a|b|\n|:-|-:|\n|1|2|",
			"<table>\n<thead>\n<tr>\n<th align=\"left\">a</th>\n<th align=\"right\">b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n" +
				"<td align=\"left\">1</td>\n<td align=\"right\">2</td>\n</tr>\n</tbody>\n</table>\n"},
		{"control characters go", "a\x00b\x1bc&#1;d\u0085e", "<p>abcde</p>\n"},
		{"an unfinished reference", "&#", "<p>&amp;#</p>\n"},
		{"line breaks", "one  \ntwo\nthree", "<p>one<br />\ntwo\nthree</p>\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, HTML(c.in)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestIllustrated(t *testing.T) {
	t.Parallel()
	kept := map[string]string{"a.png": "/changes/pictures/0a.png", "java.png": `"><script>`}
	source := "![one](a.png \"t\") ![two](b.png) [![three](a.png)](https://x.example) ![four](java.png) [five](a.png) ![six](https://x.example/s.png) ![one](a.png)"
	want := `<p><img src="/changes/pictures/0a.png" alt="one" title="t" /> two <a href="https://x.example"><img src="/changes/pictures/0a.png" alt="three" /></a> ` +
		`<img src="%22%3E%3Cscript%3E" alt="four" /> five <img src="https://x.example/s.png" alt="six" /> <img src="/changes/pictures/0a.png" alt="one" /></p>` + "\n"
	if diff := cmp.Diff(want, Illustrated(source, kept)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a.png", "b.png", "java.png"}, Pictures(source)); diff != "" {
		t.Error(diff)
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"nothing", " \n ", ""},
		{"words", "All *is* **well**, `a  b`.\nStill ~~not~~ here.\n\n# Next", "All is well, a  b. Still not here.\n\nNext"},
		{"links", "[a](https://x.example/?a&amp;b) [https://y.example](https://y.example) <me@x.example> [no](javascript:x)",
			"a (https://x.example/?a&b) https://y.example me@x.example no"},
		{"escapes", `\*a\* &amp; &lt;b&gt; \&amp; 1 < 2 <b>`, "*a* & <b> &amp; 1 < 2 <b>"},
		{"lists", "- one\n  more\n- two\n  1. a\n  2. b\n\nend", "- one more\n- two\n  1. a\n  2. b\n\nend"},
		{"quote and code", "> said\n>\n> again\n\n```sh\nmake  it\n```\n\n***", "> said\n> \n> again\n\nmake  it\n\n---"},
		{"table", "|a|b|\n|-|-|\n|1|2|", "a | b\n1 | 2"},
		{"pictures", "![what](https://x.example/a.png)", "what"},
		{"hard break", "one  \ntwo", "one\ntwo"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, Text(c.in)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// tags and attributes that may be there, whatever is written.
var (
	tags       = strings.Fields("p h3 h4 h5 h6 em strong del code pre blockquote ul ol li hr br a img table thead tbody tr th td")
	attributes = strings.Fields("href src alt title class start align")
)

func FuzzMarkdown(f *testing.F) {
	for _, s := range []string{
		"# a\n\n- b\n\n```js\nx\n```\n1. c", "[a](javascript:x)![b](data:x)<script>", "]]>\x00\uFFFE\u202E<!--", "&#0;&#x1;&#xD800;&#1114112;&#",
		"|a|\n|-|\n|<b>|", "[a]: javascript:x\n[a] <javascript:x> www.x.example\x1f", "![[a](b)](c \"d\")", "\xff\xfe&nbsp;", "```a\"b\n", strings.Repeat("[", 500), strings.Repeat("> - ", 200),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		inert(t, HTML(s))
		for _, r := range Text(s) {
			if r < 0x20 && r != '\n' && r != '\t' {
				t.Fatalf("%q leaves the control character %q in the text", s, r)
			}
		}
	})
}

// inert reads markup as XML, which forgives nothing.
func inert(t *testing.T, markup string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader("<x>" + markup + "</x>"))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%v in:\n%s", err, markup)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local != "x" {
			element(t, e)
		}
	}
}

func element(t *testing.T, e xml.StartElement) {
	t.Helper()
	if !slices.Contains(tags, e.Name.Local) {
		t.Fatalf("there is a <%s>", e.Name.Local)
	}
	for _, a := range e.Attr {
		if !slices.Contains(attributes, a.Name.Local) {
			t.Fatalf("<%s> has the attribute %s", e.Name.Local, a.Name.Local)
		}
		allowed := a.Name.Local != "href" && a.Name.Local != "src" || leadsSomewhere([]byte(a.Value))
		if !allowed {
			t.Fatalf("<%s> leads to %q", e.Name.Local, a.Value)
		}
	}
}
