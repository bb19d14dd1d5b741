package datafile

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"
)

// FuzzEdit holds every edit against the parser: exactly the wanted values, all other keys
// as they were, twice is once, and no byte changed outside the three values.
func FuzzEdit(f *testing.F) {
	for _, in := range []string{
		original, "", "---\n", "enabled:\ntext: # c\nurl: #\n", "text: >-\n  a\n  b\n# c\nenabled: no\n", "text: |+\n  a\n\n\nurl: 'b'\n",
		"{\"enabled\": false, \"text\": \"a\", \"url\": null}", "  enabled: off\r\n  text: \"a\\\"\"\r\n", "text: a\n  b # c\n  # d\nurl: x",
		"\ufefftext: é\u2028url: b", "? text\n: b\n", "text: {a: b}\n", "a: &a x\ntext: *a\n<<: {b: c}\n",
	} {
		f.Add([]byte(in), true, "Scheduled maintenance", "https://example.com/")
		f.Add([]byte(in), false, "yes", "#")
		f.Add([]byte(in), true, " <script>: 'a' \"b\" \\ # \u2028\x00\t", "صيانة 🛠️\r\n")
	}
	f.Fuzz(func(t *testing.T, in []byte, on bool, text, url string) {
		want := Banner{Enabled: on, Text: text, URL: url}
		out, err := Edit("b.yml", in, want)
		if err != nil {
			return
		}
		checkValues(t, in, out, want)
		if again, err := Edit("b.yml", out, want); err != nil || !bytes.Equal(again, out) {
			t.Fatalf("the second time: %q, %v", again, err)
		}
		checkUntouched(t, in, out)
		checkWayBack(t, in, out)
	})
}

func checkValues(t *testing.T, in, out []byte, want Banner) {
	t.Helper()
	if got, err := Read("b.yml", out); err != nil || got.Enabled != want.Enabled || got.Text != want.Text || got.URL != want.URL {
		t.Fatalf("%q reads as %+v, %v; want %+v", out, got, err, want)
	}
	before, after := load(t, in), load(t, out)
	for _, m := range []map[string]any{before, after} {
		for _, k := range []string{keyEnabled, keyText, keyURL} {
			delete(m, k)
		}
	}
	if len(before)+len(after) > 0 && !reflect.DeepEqual(before, after) {
		t.Fatalf("other keys changed: %v, %v", before, after)
	}
}

// load is the second opinion: values by the decoder, not by nodes. What has no simple
// values, such as a key that is a list, is left to the nodes.
func load(t *testing.T, data []byte) map[string]any {
	t.Helper()
	m := map[string]any{}
	if err := yaml.Unmarshal(data, &m); err != nil {
		return map[string]any{}
	}
	return m
}

// checkUntouched takes the three values out of both files: the rest is the same, but for added lines at the end.
func checkUntouched(t *testing.T, in, out []byte) {
	t.Helper()
	a, b := skeleton(t, in), skeleton(t, out)
	if !slices.Equal(fields(a), fields(b)[:min(len(fields(a)), len(fields(b)))]) {
		t.Fatalf("bytes outside the values changed:\n%q\n%q", a, b)
	}
}

func skeleton(t *testing.T, data []byte) string {
	t.Helper()
	d, err := parse(data)
	if err != nil {
		t.Fatal(err)
	}
	var cuts []splice
	for _, key := range []string{keyEnabled, keyText, keyURL} {
		p := d.find(key)
		if p.value == nil {
			continue
		}
		if start, end, err := d.extent(key, p); err == nil {
			cuts = append(cuts, splice{start, end, " "})
		}
	}
	return string(apply(d.src, cuts))
}

// fields leaves out blanks, which an empty value may gain.
func fields(s string) []string { return strings.Fields(s) }

// checkWayBack sets the old values again. Where the old file was written as lull writes, the bytes are the same.
func checkWayBack(t *testing.T, in, out []byte) {
	t.Helper()
	was, err := Read("b.yml", in)
	if err != nil || !utf8.ValidString(was.Text+was.URL) {
		return
	}
	back, err := Edit("b.yml", out, was)
	if err != nil {
		t.Fatalf("no way back from %q: %v", out, err)
	}
	if canonical(t, in) && sameForms(t, in, out) && !bytes.Equal(back, in) {
		t.Fatalf("edited back\n%q became\n%q, not\n%q", out, back, in)
	}
}

// canonical says that each value is there and on one line, as lull would write it.
func canonical(t *testing.T, data []byte) bool {
	t.Helper()
	d, err := parse(data)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := Read("b.yml", data)
	for _, s := range []setting{{keyEnabled, b.Enabled}, {keyText, b.Text}, {keyURL, b.URL}} {
		p := d.find(s.key)
		v := p.value
		if v == nil || nothing(v) || isBlock(v) || !s.holds(v) {
			return false
		}
		start, end, err := d.extent(s.key, p)
		if err != nil || string(d.src[start:end]) != s.write(p) {
			return false
		}
	}
	return true
}

func sameForms(t *testing.T, in, out []byte) bool {
	t.Helper()
	a, errA := parse(in)
	b, errB := parse(out)
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	for _, key := range []string{keyEnabled, keyText, keyURL} {
		v := a.find(key).value
		if w := b.find(key).value; v == nil || w == nil || v.Style != w.Style {
			return false
		}
	}
	return true
}
