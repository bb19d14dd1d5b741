package security

import (
	"regexp"
	"strings"
)

// prefix is how the lines of a log begin.
type prefix struct {
	form      *regexp.Regexp
	pid, host int // groups of it, 0 = not there
}

// escapes of log_line_prefix, and what each can look like (manual, "What to Log").
var escapes = map[byte]string{
	'a': `.*?`, 'u': `.*?`, 'd': `.*?`, 'b': `.*?`, 'i': `.*?`, 'e': `\w*`, 'c': `[0-9a-f]+\.[0-9a-f]+`, 'l': `\d+`, 'P': `\d*`, 'Q': `-?\d+`,
	't': `\S+ \S+ \S+`, 'm': `\S+ \S+ \S+`, 'n': `[\d.]+`, 's': `\S+ \S+ \S+`, 'v': `\S*`, 'x': `\d+`, 'L': `\S*`,
	'p': `(\d+)`, 'h': `(\S*?)`, 'r': `(\S*?)(?:\(\d+\))?`, '%': `%`, 'q': ``,
}

// prefixForm makes an expression of log_line_prefix. What it does not know stands for anything.
func prefixForm(setting string) prefix {
	var p prefix
	var b strings.Builder
	groups := 0
	b.WriteString(`^`)
	for i := 0; i < len(setting); i++ {
		if setting[i] != '%' || i+1 == len(setting) {
			b.WriteString(regexp.QuoteMeta(setting[i : i+1]))
			continue
		}
		for i++; i < len(setting)-1 && strings.IndexByte("-0123456789", setting[i]) >= 0; i++ {
			b.WriteString(` *`) // padding, on either side
		}
		form, known := escapes[setting[i]]
		if !known {
			form = `.*?`
		}
		if strings.HasPrefix(form, "(") {
			groups++
			if setting[i] == 'p' {
				p.pid = groups
			} else {
				p.host = groups
			}
		}
		b.WriteString(form + strings.Repeat(` *`, min(1, len(form))))
	}
	p.form = regexp.MustCompile(b.String() + `$`)
	return p
}

func (p prefix) read(line string) (pid, host string) {
	m := p.form.FindStringSubmatch(line)
	if m == nil {
		return "", ""
	}
	if p.pid > 0 {
		pid = m[p.pid]
	}
	if p.host > 0 {
		host = m[p.host]
	}
	return pid, host
}
