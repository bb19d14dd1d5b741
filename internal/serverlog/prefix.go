package serverlog

import (
	"regexp"
	"strings"
)

// prefix is how the lines of a log begin.
type prefix struct {
	form   *regexp.Regexp
	groups map[byte]int // by the escape that they are of
}

// escapes of log_line_prefix, and what each can look like (manual, "What to Log").
var escapes = map[byte]string{
	'b': `.*?`, 'i': `.*?`, 'e': `\w*`, 'c': `[0-9a-f]+\.[0-9a-f]+`, 'l': `\d+`, 'P': `\d*`, 'Q': `-?\d+`,
	't': `\S+ \S+ \S+`, 'm': `\S+ \S+ \S+`, 'n': `[\d.]+`, 's': `\S+ \S+ \S+`, 'v': `\S*`, 'x': `\d+`, 'L': `\S*`,
	'p': `(\d+)`, 'h': `(\S*?)`, 'r': `(\S*?)(?:\(\d+\))?`, 'u': `(.*?)`, 'd': `(.*?)`, 'a': `(.*?)`, '%': `%`, 'q': ``,
}

// prefixForm makes an expression of log_line_prefix. What it does not know stands for anything.
func prefixForm(setting string) prefix {
	p := prefix{groups: map[byte]int{}}
	var b strings.Builder
	b.WriteString(`^`)
	for i := 0; i < len(setting); i++ {
		if setting[i] != '%' || i+1 == len(setting) {
			b.WriteString(regexp.QuoteMeta(setting[i : i+1]))
			continue
		}
		for i++; i < len(setting)-1 && strings.IndexByte("-0123456789", setting[i]) >= 0; i++ {
			b.WriteString(` *`) // padding, on either side
		}
		form := p.escape(setting[i])
		b.WriteString(form + strings.Repeat(` *`, min(1, len(form))))
	}
	p.form = regexp.MustCompile(b.String() + `$`)
	return p
}

// escape gives one its form and its group. What stands behind the name of the application may be of
// that name: a client writes there what it likes.
func (p prefix) escape(c byte) string {
	form, known := escapes[c]
	if !known {
		return `.*?`
	}
	if !strings.HasPrefix(form, "(") {
		return form
	}
	if _, forged := p.groups['a']; forged && (c == 'u' || c == 'd') || p.groups[c] > 0 {
		return `.*?`
	}
	p.groups[c] = len(p.groups) + 1
	return form
}

// read takes from the beginning of a line what it tells. Where it looks otherwise, that is nothing.
func (p prefix) read(head string) (l Line) {
	m := p.form.FindStringSubmatch(head)
	if m == nil {
		return l
	}
	told := func(c byte) string {
		if text := m[p.groups[c]]; p.groups[c] > 0 && text != "[unknown]" {
			return text
		}
		return ""
	}
	l.PID, l.User, l.Database, l.Application = told('p'), told('u'), told('d'), told('a')
	if l.Host = told('h'); l.Host == "" {
		l.Host = told('r')
	}
	return l
}
