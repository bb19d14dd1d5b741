package datafile

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"
)

func full() Banner {
	return Banner{
		Enabled: true, Text: "Planned: soon", URL: "https://example.com/plan", ID: "pg17", Severity: "maintenance",
		StartsAt: time.Date(2026, 12, 5, 4, 0, 0, 0, time.UTC), EndsAt: time.Date(2026, 12, 5, 6, 0, 0, 0, time.UTC),
		Texts: map[string]string{"de": "Geplant: bald", "no": "Snart", "ar": "قريبا"},
	}
}

// An old file of three keys gets the others at its end, in the syntax that it has.
func TestNewKeysComeOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, in, want string }{
		"YAML": {"b.yml", "# head\nenabled: false\ntext: a\nurl: b # c\n", `# head
enabled: true
text: "Planned: soon"
url: https://example.com/plan # c
id: pg17
starts_at: "2026-12-05T04:00:00Z"
ends_at: "2026-12-05T06:00:00Z"
severity: maintenance
locale:
  ar: قريبا
  de: "Geplant: bald"
  "no": Snart
`},
		"YAML with languages": {"b.yml", "enabled: false\nlocale:\n    de: alt # c\n    fr: 'Ancien'\n\n# end\ntext: a\nurl: b\n", `enabled: true
locale:
    de: "Geplant: bald" # c
    fr: ''
    ar: قريبا
    "no": Snart

# end
text: "Planned: soon"
url: https://example.com/plan
id: pg17
starts_at: "2026-12-05T04:00:00Z"
ends_at: "2026-12-05T06:00:00Z"
severity: maintenance
`},
		"YAML with an empty mapping": {"b.yml", "locale: {}\nenabled: false\ntext: a\nurl: b", `locale: {ar: قريبا, de: "Geplant: bald", "no": Snart}
enabled: true
text: "Planned: soon"
url: https://example.com/plan
id: pg17
starts_at: "2026-12-05T04:00:00Z"
ends_at: "2026-12-05T06:00:00Z"
severity: maintenance`},
		"YAML with no languages yet": {"b.yml", "locale: # c\nenabled: false\ntext: a\nurl: b\n", "locale:\n  ar: قريبا\n  de: \"Geplant: bald\"\n  \"no\": Snart # c\n" + `enabled: true
text: "Planned: soon"
url: https://example.com/plan
id: pg17
starts_at: "2026-12-05T04:00:00Z"
ends_at: "2026-12-05T06:00:00Z"
severity: maintenance
`},
		"JSON": {"b.json", "{\n  \"enabled\": false,\n  \"text\": \"a\",\n  \"url\": \"b\"\n}\n", `{
  "id": "pg17",
  "starts_at": "2026-12-05T04:00:00Z",
  "ends_at": "2026-12-05T06:00:00Z",
  "severity": "maintenance",
  "locale": {"ar": "قريبا", "de": "Geplant: bald", "no": "Snart"},
  "enabled": true,
  "text": "Planned: soon",
  "url": "https://example.com/plan"
}
`},
		"TOML": {"b.toml", "# head\nenabled = false # c\ntext = 'a'\nurl = \"b\"\n\n[other]\nx = 1\n", `# head
enabled = true # c
text = 'Planned: soon'
url = "https://example.com/plan"
id = "pg17"
starts_at = "2026-12-05T04:00:00Z"
ends_at = "2026-12-05T06:00:00Z"
severity = "maintenance"

[other]
x = 1

[locale]
ar = "قريبا"
de = "Geplant: bald"
no = "Snart"
`},
		"TOML with languages": {"b.toml", "enabled = false\ntext = \"\"\"\na\nb\"\"\"\nurl = \"b\"\nlist = [\n  1,\n  2,\n]\n[locale] # c\nde = \"alt\" # d\n\n[z]\n", `enabled = true
text = "Planned: soon"
url = "https://example.com/plan"
list = [
  1,
  2,
]
id = "pg17"
starts_at = "2026-12-05T04:00:00Z"
ends_at = "2026-12-05T06:00:00Z"
severity = "maintenance"
[locale] # c
de = "Geplant: bald" # d
ar = "قريبا"
no = "Snart"

[z]
`},
		"TOML in braces, no end": {"b.toml", "enabled = false\r\nlocale = { de = \"alt\" }\r\ntext = \"a\"", "enabled = true\r\nlocale = { ar = \"قريبا\", no = \"Snart\", de = \"Geplant: bald\" }\r\ntext = \"Planned: soon\"\r\nurl = \"https://example.com/plan\"\r\nid = \"pg17\"\r\nstarts_at = \"2026-12-05T04:00:00Z\"\r\nends_at = \"2026-12-05T06:00:00Z\"\r\nseverity = \"maintenance\""},
		"TOML, dotted": {"b.toml", "locale.de = \"alt\"\nenabled = false\n", `locale.de = "Geplant: bald"
enabled = true
locale.ar = "قريبا"
locale.no = "Snart"
text = "Planned: soon"
url = "https://example.com/plan"
id = "pg17"
starts_at = "2026-12-05T04:00:00Z"
ends_at = "2026-12-05T06:00:00Z"
severity = "maintenance"
`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Edit(c.file, []byte(c.in), full())
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want && (name != "TOML, dotted" || !sameLines(string(got), c.want)) {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if b, err := Read(c.file, got); err != nil || !reflect.DeepEqual(b, full()) {
				t.Errorf("reads as %+v, %v", b, err)
			}
			if again, err := Edit(c.file, got, full()); err != nil || string(again) != string(got) {
				t.Errorf("the second time: %v\n%s", err, again)
			}
			off, err := Off(c.file, got)
			if err != nil || strings.Replace(string(off), "false", "true", 1) != string(got) {
				t.Errorf("off changes more than one word: %v\n%s", err, off)
			}
		})
	}
}

func sameLines(a, b string) bool {
	count := map[string]int{}
	for l := range strings.Lines(a) {
		count[l]++
	}
	for l := range strings.Lines(b) {
		count[l]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

func TestNewFiles(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"b.yml", "b.json", "b.toml"} {
		data, err := New(name)
		if err != nil {
			t.Fatal(err)
		}
		on, err := Edit(name, data, full())
		if err != nil {
			t.Fatal(err)
		}
		if b, err := Read(name, on); err != nil || !reflect.DeepEqual(b, full()) {
			t.Errorf("%s: %+v, %v\n%s", name, b, err, on)
		}
	}
	if _, err := New("b.csv"); err == nil {
		t.Error("a table took the banner")
	}
}

func TestTOMLRefuses(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"enabled = [true]\n": "not a single value", "enabled = \n": "not TOML", "[[locale]]\nde = 'x'\n": "after the change",
		"[text]\na = 1\n": "after the change", "text = {a = 1}\n": "not a single value",
	} {
		if out, err := Edit("b.toml", []byte(in), full()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gave %q, %v; want %q", in, out, err, want)
		}
	}
}

// FuzzTOML holds edits against the decoder: the wanted values, all others as they were, and twice is once.
func FuzzTOML(f *testing.F) {
	for _, in := range []string{"", "enabled = false\ntext = 'a' # c\nurl = \"b\"\n[locale]\nde = 'x'\n", "locale = {}\n[a.b]\nc = [1,\n2]\n", "text = '''\na\n'''\r\nenabled = 1979-05-27\n", "locale.de = 1\n", "a = \"x\""} {
		f.Add([]byte(in), true, "Planned", "#", "de", "Geplant")
		f.Add([]byte(in), false, " <script>'a' \"b\" \\ \u2028\x00\t\n", "", "pt-BR", "صيانة")
	}
	f.Fuzz(func(t *testing.T, in []byte, on bool, text, url, lang, local string) {
		if strings.ContainsAny(lang, ".") {
			return
		}
		want := Banner{Enabled: on, Text: text, URL: url, Texts: map[string]string{lang: local}}
		out, err := Edit("b.toml", in, want)
		if err != nil {
			return
		}
		var was, is map[string]any
		if err := toml.Unmarshal(out, &is); err != nil {
			t.Fatalf("%q is no TOML: %v", out, err)
		}
		if is["enabled"] != on || is["text"] != text && text != "" {
			t.Fatalf("%q reads as %v", out, is)
		}
		if again, err := Edit("b.toml", out, want); err != nil || string(again) != string(out) {
			t.Fatalf("the second time: %q, %v", again, err)
		}
		_ = toml.Unmarshal(in, &was)
		for _, m := range []map[string]any{was, is} {
			for _, k := range []string{keyEnabled, keyText, keyURL, keyID, keyStarts, keyEnds, keySeverity, keyLocale} {
				delete(m, k)
			}
		}
		if len(was)+len(is) > 0 && !reflect.DeepEqual(was, is) {
			if a, b := marshal(was), marshal(is); a != b { // NaN is not equal to itself
				t.Fatalf("other keys changed: %s, %s", a, b)
			}
		}
	})
}

func marshal(v any) string {
	b, err := toml.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// FuzzJSON says that JSON stays JSON, with the other values as they were.
func FuzzJSON(f *testing.F) {
	for _, in := range []string{"{}", `{"enabled": false, "text": "a"}`, "{\n\t\"url\": null,\n\t\"x\": [1, {\"text\": 2}]\n}", `{"locale":{"de":"x"},"é":1}`} {
		f.Add([]byte(in), true, "Planned", "de", "Geplant")
		f.Add([]byte(in), false, " <script>'a' \"b\" \\ \u2028\x00\t\n\x7f", "pt-BR", "صيانة 🛠️")
	}
	f.Fuzz(func(t *testing.T, in []byte, on bool, text, lang, local string) {
		var was, is map[string]any
		if json.Unmarshal(in, &was) != nil || strings.ContainsAny(lang, ".") {
			return
		}
		want := Banner{Enabled: on, Text: text, URL: "#", Texts: map[string]string{lang: local}}
		out, err := Edit("b.json", in, want)
		if err != nil {
			return
		}
		if err := json.Unmarshal(out, &is); err != nil {
			t.Fatalf("%q is no JSON: %v", out, err)
		}
		if is["enabled"] != on || is["text"] != text && text != "" || is["url"] != "#" {
			t.Fatalf("%q reads as %v", out, is)
		}
		for _, m := range []map[string]any{was, is} {
			for _, k := range []string{keyEnabled, keyText, keyURL, keyID, keyStarts, keyEnds, keySeverity, keyLocale} {
				delete(m, k)
			}
		}
		if len(was)+len(is) > 0 && !reflect.DeepEqual(was, is) {
			t.Fatalf("other keys changed: %v, %v", was, is)
		}
	})
}
