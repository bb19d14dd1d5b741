package harden

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Access is what is asked of the lines of pg_hba.conf.
type Access struct {
	SCRAM  bool // no line lets in by MD5
	Strict bool // TLS from other machines, and nobody without proof
}

// Rewrite gives a pg_hba.conf that asks for as much. Lines for sockets of the machine (local) stay as
// they are, and so do comments, lines that refuse, and methods of other services. What is given
// back is given back again: rewriting twice is rewriting once.
//
// It does not follow other files, and says so.
func (a Access) Rewrite(text string) (string, error) {
	var out strings.Builder
	rest, n := text, 0
	for rest != "" {
		n++
		line, after := logicalLine(rest)
		rest = after
		f, err := splitLine(line)
		if err != nil {
			return "", fmt.Errorf("read line %d of pg_hba.conf: %w", n, err)
		}
		if len(f) == 0 {
			out.WriteString(line)
			continue
		}
		if strings.HasPrefix(f[0].text, "include") {
			return "", fmt.Errorf("line %d of pg_hba.conf reads another file (%s), which lull does not rewrite", n, f[0].text)
		}
		out.WriteString(a.line(line, f))
	}
	return out.String(), nil
}

// logicalLine cuts off one line with its end. A backslash at the end goes on with the next (14 and newer).
func logicalLine(text string) (line, rest string) {
	for at := 0; ; {
		end := strings.IndexByte(text[at:], '\n')
		if end < 0 {
			return text, ""
		}
		at += end + 1
		if !strings.HasSuffix(strings.TrimSuffix(text[:at-1], "\r"), `\`) {
			return text[:at], text[at:]
		}
	}
}

// part is a field of a line: a word, or several with commas between them.
type part struct {
	text     string
	from, to int
}

// splitLine finds the fields as the server does (hba.c, next_token and next_field_expand).
func splitLine(line string) (out []part, err error) {
	comma := false // the field before goes on
	for i := 0; i < len(line); {
		switch c := line[i]; {
		case c == '#':
			return out, nil
		case blank(line, i):
			i++
			continue
		}
		from := i
		if i, err = wordEnd(line, i); err != nil {
			return nil, err
		}
		switch {
		case comma, len(out) > 0 && line[from] == ',':
			last := &out[len(out)-1]
			last.to, last.text = i, line[last.from:i]
		default:
			out = append(out, part{line[from:i], from, i})
		}
		comma = line[i-1] == ','
	}
	return out, nil
}

// blank is true between two fields. So is the backslash before the end of a line that goes on.
func blank(line string, i int) bool {
	switch line[i] {
	case ' ', '\t', '\n', '\r':
		return true
	case '\\':
		return strings.HasPrefix(strings.TrimPrefix(line[i+1:], "\r"), "\n")
	}
	return false
}

func wordEnd(line string, i int) (int, error) {
	quoted := false
	for ; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\n':
			return i, fmt.Errorf("a quotation does not end")
		case quoted:
		case c == '#' || blank(line, i):
			return i, nil
		}
	}
	if quoted {
		return i, fmt.Errorf("a quotation does not end")
	}
	return i, nil
}

// loopbacks are the addresses that nothing but this machine has.
var loopbacks = []string{"127.0.0.1/32", "::1/128"}

// line rewrites one rule: type, database, user, address, perhaps a mask, method, options.
func (a Access) line(line string, f []part) string {
	kind := f[0].text
	if len(f) < 5 || kind == "local" || !strings.HasPrefix(kind, "host") {
		return line
	}
	method := 4
	if !strings.Contains(f[3].text, "/") && isAddress(f[3].text) {
		method = 5 // the mask is a field of its own
	}
	if method >= len(f) || f[method].text == "reject" {
		return line
	}
	how := a.method(f[method].text)
	far, near := reach(f[3:method])
	switch {
	case !a.Strict || !far || kind == "hostssl" || strings.HasSuffix(kind, "gssenc"):
		return put(line, f, map[int]string{method: how})
	case kind == "hostnossl" && !near:
		return "# by lull: " + strings.ReplaceAll(strings.TrimRight(line, "\r\n"), "\n", " ") + "\n"
	case kind == "hostnossl":
		return loopback(line, f, method, kind, how)
	case near:
		return loopback(line, f, method, kind, how) + put(line, f, map[int]string{0: "hostssl", method: how})
	}
	return put(line, f, map[int]string{0: "hostssl", method: how})
}

// method is what a strict line asks for in the place of another.
func (a Access) method(was string) string {
	if a.SCRAM && was == "md5" || a.Strict && slices.Contains([]string{"trust", "password", "md5", "ident"}, was) {
		return "scram-sha-256"
	}
	return was
}

// loopback is the rule for this machine alone, which needs no TLS.
func loopback(line string, f []part, method int, kind, how string) (out string) {
	for _, address := range loopbacks {
		if !covers(f[3:method], address) {
			continue
		}
		to := map[int]string{0: kind, 3: address, method: how}
		if method == 5 {
			to[4] = ""
		}
		out += put(line, f, to)
	}
	return out
}

// put replaces fields, and leaves what is between them.
func put(line string, f []part, to map[int]string) string {
	var b strings.Builder
	at := 0
	for i, p := range f {
		text, ok := to[i]
		if !ok {
			continue
		}
		b.WriteString(line[at:p.from] + text)
		at = p.to
	}
	b.WriteString(line[at:])
	if s := b.String(); strings.HasSuffix(s, "\n") {
		return s
	}
	return b.String() + "\n"
}

// reach says whether a rule is for other machines, and whether also for this one by its own address.
func reach(address []part) (far, near bool) {
	switch address[0].text {
	case "localhost", "samehost":
		return false, true
	}
	for _, loop := range loopbacks {
		near = near || covers(address, loop)
	}
	p, err := prefix(address)
	if err != nil {
		return true, near // all, samenet, a name
	}
	return !p.Addr().IsLoopback(), near
}

// covers says whether the address of a rule has the whole of another in it.
func covers(address []part, other string) bool {
	if address[0].text == "all" || address[0].text == "samenet" {
		return true
	}
	p, err := prefix(address)
	return err == nil && p.Contains(netip.MustParsePrefix(other).Addr())
}

func isAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// prefix reads 10.0.0.0/8, or an address with its mask.
func prefix(address []part) (netip.Prefix, error) {
	if len(address) == 1 {
		p, err := netip.ParsePrefix(address[0].text)
		return p.Masked(), err
	}
	at, err := netip.ParseAddr(address[0].text)
	if err != nil {
		return netip.Prefix{}, err
	}
	mask, err := netip.ParseAddr(address[1].text)
	if err != nil {
		return netip.Prefix{}, err
	}
	bits := 0
	for _, b := range mask.AsSlice() {
		for ; b&0x80 != 0; b <<= 1 {
			bits++
		}
	}
	return at.Prefix(bits)
}
