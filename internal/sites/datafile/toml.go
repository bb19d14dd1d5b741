package datafile

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// tomlSyntax is TOML 1.0.
type tomlSyntax struct{}

// tomlDoc is a file with the places of its values.
type tomlDoc struct {
	src    []byte
	values map[string]tomlValue
	top    int // behind the last key of the file's own, where more of them may stand
	locale *tomlTable
}

type tomlValue struct {
	kind       unstable.Kind
	text       string
	start, end int
}

// tomlTable is where more languages go.
type tomlTable struct {
	end    int // behind its last line
	inline bool
	empty  bool
}

func (tomlSyntax) read(data []byte) (Banner, error) {
	d, err := parseTOML(data)
	if err != nil {
		return Banner{}, unusable(err)
	}
	b := Banner{
		Text: d.text(keyText), URL: d.text(keyURL), ID: d.text(keyID), Severity: d.text(keySeverity),
		StartsAt: parseInstant(d.text(keyStarts)), EndsAt: parseInstant(d.text(keyEnds)),
	}
	v, there := d.values[keyEnabled]
	b.Enabled = there && (v.kind != unstable.Bool || v.text == "true")
	for key := range d.values {
		if lang, ok := strings.CutPrefix(key, keyLocale+"."); ok && d.text(key) != "" {
			if b.Texts == nil {
				b.Texts = map[string]string{}
			}
			b.Texts[lang] = d.text(key)
		}
	}
	return b, nil
}

func (d *tomlDoc) text(key string) string {
	v := d.values[key]
	if v.kind != unstable.String && v.kind != unstable.DateTime {
		return ""
	}
	return v.text
}

func parseTOML(data []byte) (*tomlDoc, error) {
	var all map[string]any
	if err := toml.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("the file is not TOML: %w", err)
	}
	d := &tomlDoc{src: data, values: map[string]tomlValue{}}
	p := &unstable.Parser{}
	p.Reset(data)
	table, inTables := "", false
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table, inTables = keyOf(e.Key()), true
			if e.Kind == unstable.ArrayTable {
				table += "[]"
			}
			if table == keyLocale {
				d.locale = &tomlTable{end: d.lineEndAt(headerEnd(p, e))}
			}
		case unstable.KeyValue:
			d.keyValue(e, table)
			end := int(e.Raw.Offset + e.Raw.Length)
			if !inTables {
				d.top = d.nextLine(end)
			}
			if table == keyLocale {
				d.locale.end = d.lineEndAt(end)
			}
		}
	}
	return d, p.Error()
}

// headerEnd is behind the last part of a table's name.
func headerEnd(p *unstable.Parser, e *unstable.Node) (end int) {
	for it := e.Key(); it.Next(); {
		end = int(it.Node().Raw.Offset + it.Node().Raw.Length)
	}
	return end
}

// keyValue keeps the place of a value, or of those in the braces of the languages.
func (d *tomlDoc) keyValue(e *unstable.Node, table string) {
	key := keyOf(e.Key())
	if table != "" {
		key = table + "." + key
	}
	v := e.Value()
	start, end := int(v.Raw.Offset), int(v.Raw.Offset+v.Raw.Length)
	d.values[key] = tomlValue{v.Kind, string(v.Data), start, end}
	if v.Kind != unstable.InlineTable || key != keyLocale {
		return
	}
	d.locale = &tomlTable{end: start + 1, inline: true, empty: true}
	for it := v.Children(); it.Next(); {
		if kv := it.Node(); kv.Kind == unstable.KeyValue {
			d.locale.empty = false
			d.keyValue(kv, key)
		}
	}
}

func keyOf(it unstable.Iterator) string {
	var parts []string
	for it.Next() {
		parts = append(parts, string(it.Node().Data))
	}
	return strings.Join(parts, ".")
}

func (d *tomlDoc) lineEndAt(from int) int {
	if i := bytes.IndexByte(d.src[from:], '\n'); i >= 0 {
		from += i
		if from > 0 && d.src[from-1] == '\r' {
			from--
		}
		return from
	}
	return len(d.src)
}

func (d *tomlDoc) nextLine(from int) int {
	if i := bytes.IndexByte(d.src[from:], '\n'); i >= 0 {
		return from + i + 1
	}
	return len(d.src)
}

func (d *tomlDoc) lineEnd() string {
	if i := bytes.IndexByte(d.src, '\n'); i > 0 && d.src[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

func (tomlSyntax) edit(data []byte, settings []setting) ([]byte, error) {
	d, err := parseTOML(data)
	if err != nil {
		return nil, unusable(err)
	}
	var cuts []splice
	var top, texts, changed []setting
	for _, s := range settings {
		v, there := d.values[s.key]
		if s.holdsTOML(v, there) {
			continue
		}
		changed = append(changed, s)
		parent, key := s.parent()
		switch {
		case there && v.kind != unstable.String && v.kind != unstable.Bool && v.kind != unstable.Integer && v.kind != unstable.Float && v.kind != unstable.DateTime:
			return nil, unusable(fmt.Errorf("%s is not a single value", s.key))
		case there:
			cuts = append(cuts, splice{v.start, v.end, s.writeTOML(string(d.src[v.start:v.end]))})
		case parent == "":
			top = append(top, s)
		default:
			texts = append(texts, setting{key, s.want})
		}
	}
	if len(changed) == 0 {
		return data, nil
	}
	out := apply(d.src, slices.Concat(cuts, d.addedTop(top), d.addedTexts(texts)))
	return out, verifyTOML(data, out, changed)
}

func (s setting) holdsTOML(v tomlValue, there bool) bool {
	if want, ok := s.want.(bool); ok {
		return there && v.kind == unstable.Bool && (v.text == "true") == want
	}
	return !there && s.want == "" || there && v.kind == unstable.String && v.text == s.want
}

// writeTOML keeps single quotes where the text can stand in them. All else becomes a text in double quotes on one line.
func (s setting) writeTOML(was string) string {
	if on, ok := s.want.(bool); ok {
		return fmt.Sprint(on)
	}
	text := s.want.(string)
	if strings.HasPrefix(was, "'") && !strings.HasPrefix(was, "'''") && isSimple(text) && !strings.Contains(text, "'") {
		return "'" + text + "'"
	}
	return doubleQuoted(text)
}

func tomlLines(list []setting) (out []string) {
	for _, s := range list {
		key := s.key
		if strings.IndexFunc(key, func(r rune) bool { return !isBare(r) }) >= 0 || key == "" {
			key = doubleQuoted(key)
		}
		out = append(out, key+" = "+s.writeTOML(""))
	}
	return out
}

func isBare(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-'
}

// addedTop puts keys before the first table: behind it they would be the table's.
func (d *tomlDoc) addedTop(list []setting) []splice {
	if len(list) == 0 {
		return nil
	}
	at, eol := d.top, d.lineEnd()
	if at == 0 && d.firstTable() < 0 {
		at = len(d.src)
	}
	text := strings.Join(tomlLines(list), eol) + eol
	if at > 0 && d.src[at-1] != '\n' { // the last line has no end, and so has the new one
		text = eol + strings.TrimSuffix(text, eol)
	}
	return []splice{{at, at, text}}
}

// firstTable is where a table begins, or -1.
func (d *tomlDoc) firstTable() int {
	p := &unstable.Parser{}
	p.Reset(d.src)
	for p.NextExpression() {
		if e := p.Expression(); e.Kind == unstable.Table || e.Kind == unstable.ArrayTable {
			return headerEnd(p, e)
		}
	}
	return -1
}

func (d *tomlDoc) addedTexts(list []setting) []splice {
	if len(list) == 0 {
		return nil
	}
	lines, eol := tomlLines(list), d.lineEnd()
	switch {
	case d.locale == nil && d.dotted():
		for i := range lines {
			lines[i] = keyLocale + "." + lines[i]
		}
		return []splice{{d.top, d.top, strings.Join(lines, eol) + eol}}
	case d.locale == nil:
		at, head := len(d.src), eol
		if at > 0 && d.src[at-1] != '\n' {
			head = eol + eol
		}
		return []splice{{at, at, head + "[" + keyLocale + "]" + eol + strings.Join(lines, eol) + eol}}
	case d.locale.inline:
		text := " " + strings.Join(lines, ", ")
		if !d.locale.empty {
			text += ","
		}
		return []splice{{d.locale.end, d.locale.end, text}}
	}
	return []splice{{d.locale.end, d.locale.end, eol + strings.Join(lines, eol)}}
}

// dotted says that languages are written as locale.de = "..." among the file's own keys.
func (d *tomlDoc) dotted() bool {
	for key := range d.values {
		if strings.HasPrefix(key, keyLocale+".") {
			return true
		}
	}
	return false
}

// verifyTOML reads both with the decoder: the changed values are as wanted, all others as they were.
func verifyTOML(before, after []byte, changed []setting) error {
	was, is := map[string]any{}, map[string]any{}
	if err := errors.Join(toml.Unmarshal(before, &was), toml.Unmarshal(after, &is)); err != nil {
		return unusable(fmt.Errorf("after the change: %w", err))
	}
	for _, s := range changed {
		parent, key := s.parent()
		in, out := was, is
		if parent != "" {
			in, _ = was[parent].(map[string]any)
			out, _ = is[parent].(map[string]any)
		}
		if out[key] != s.want {
			return unusable(fmt.Errorf("%s would not be as wanted after the change", s.key))
		}
		delete(in, key)
		delete(out, key)
	}
	for _, m := range []map[string]any{was, is} { // empty once its languages are taken out
		if l, ok := m[keyLocale].(map[string]any); ok && len(l) == 0 {
			delete(m, keyLocale)
		}
	}
	if !reflect.DeepEqual(was, is) {
		return unusable(errors.New("other keys would change too"))
	}
	return nil
}
