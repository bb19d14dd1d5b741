package serverlog

import (
	"regexp"
	"strings"
)

// prefix is how the lines of a log begin.
type prefix struct {
	form   *regexp.Regexp
	groups map[rune]int // by the escape that they are of
}

// escapes of log_line_prefix, and what each can look like (manual, "What to Log").
var escapes = map[rune]string{
	'b': `.*?`, 'i': `.*?`, 'e': `\w*`, 'c': `[0-9a-f]+\.[0-9a-f]+`, 'l': `\d+`, 'P': `\d*`, 'Q': `-?\d+`,
	't': `\S+ \S+ \S+`, 'm': `\S+ \S+ \S+`, 'n': `[\d.]+`, 's': `\S+ \S+ \S+`, 'v': `\S*`, 'x': `\d+`, 'L': `\S*`,
	'p': `(\d+)`, 'h': `(\S*?)`, 'r': `(\S*?)(?:\(\d+\))?`, 'u': `(.*?)`, 'd': `(.*?)`, 'a': `(.*?)`, '%': `%`, 'q': ``,
}

// prefixForm makes an expression of log_line_prefix. What it does not know stands for anything.
func prefixForm(setting string) prefix {
	p := prefix{groups: map[rune]int{}}
	var b strings.Builder
	b.WriteString(`^`)
	signs := []rune(setting) // a byte that is no text becomes the sign that an expression takes one in the log for
	for i := 0; i < len(signs); i++ {
		if signs[i] != '%' || i+1 == len(signs) {
			b.WriteString(regexp.QuoteMeta(string(signs[i])))
			continue
		}
		for i++; i < len(signs)-1 && strings.ContainsRune("-0123456789", signs[i]); i++ {
			b.WriteString(` *`) // padding, on either side
		}
		form := p.escape(signs[i])
		b.WriteString(form + strings.Repeat(` *`, min(1, len(form))))
	}
	p.form = regexp.MustCompile(b.String() + `$`)
	return p
}

// escape gives one its form and its group. What stands behind the name of the application may be of
// that name: a client writes there what it likes.
func (p prefix) escape(c rune) string {
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
	told := func(c rune) string {
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
