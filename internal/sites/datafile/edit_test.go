package datafile

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/hint"
)

const original = `# The strip on top of every page.
enabled: false # true shows it
text: Nothing is planned

# where it leads
url: https://example.com/status
extra: {a: [1, 2]}
`

var planned = Banner{Enabled: true, Text: "Scheduled maintenance on 5 December", URL: "https://example.com/plan"}

func mustEdit(t *testing.T, in string, b Banner) string {
	t.Helper()
	out, err := Edit("banner.yml", []byte(in), b)
	if err != nil {
		t.Fatalf("edit %q: %v", in, err)
	}
	return string(out)
}

func TestEditKeepsEverythingElse(t *testing.T) {
	t.Parallel()
	want := strings.NewReplacer("false", "true", "Nothing is planned", planned.Text, "https://example.com/status", planned.URL).Replace(original)
	if got := mustEdit(t, original, planned); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	off, err := Off("banner.yml", []byte(want))
	if err != nil || string(off) != strings.Replace(want, "enabled: true", "enabled: false", 1) {
		t.Errorf("off gave\n%s, %v", off, err)
	}
}

func TestEditTable(t *testing.T) {
	t.Parallel()
	on := func(text, url string) Banner { return Banner{Enabled: true, Text: text, URL: url} }
	for name, c := range map[string]struct {
		in   string
		b    Banner
		want string
	}{
		"CRLF":                  {"enabled: false\r\ntext: a\r\nurl: b\r\n", on("x", "/y"), "enabled: true\r\ntext: x\r\nurl: /y\r\n"},
		"no final newline":      {"text: a\nurl: b\nenabled: false", on("x", "/y"), "text: x\nurl: /y\nenabled: true"},
		"byte order mark":       {"\ufeffenabled: false\ntext: é\nurl: b\n", on("x", "/y"), "\ufeffenabled: true\ntext: x\nurl: /y\n"},
		"null values":           {"enabled:\ntext: # none yet\nurl: #\n", on("x", "#"), "enabled: true\ntext: x # none yet\nurl: \"#\" #\n"},
		"null with a blank":     {"enabled: \ntext: ~\nurl:   \n", on("x", "/y"), "enabled: true\ntext: x\nurl: /y  \n"},
		"single quotes":         {"enabled: false\ntext: 'a'\nurl: ''\n", on("it's", "#"), "enabled: true\ntext: 'it''s'\nurl: '#'\n"},
		"double quotes":         {`enabled: false` + "\n" + `text: "a \" # b" # c` + "\nurl: \"\"\n", on(`"q" \`, "/y"), "enabled: true\ntext: \"\\\"q\\\" \\\\\" # c\nurl: \"/y\"\n"},
		"words":                 {"enabled: Off\ntext: a\nurl: b\n", on("x", "/y"), "enabled: On\ntext: x\nurl: /y\n"},
		"quoted boolean":        {"enabled: \"false\"\ntext: a\nurl: b\n", on("x", "/y"), "enabled: true\ntext: x\nurl: /y\n"},
		"yes needs quotes":      {"enabled: false\ntext: a\nurl: b\n", on("yes", "/y"), "enabled: true\ntext: \"yes\"\nurl: /y\n"},
		"leading blanks":        {"enabled: false\ntext: a\nurl: b\n", on("  x ", "z"), "enabled: true\ntext: \"  x \"\nurl: z\n"},
		"colon":                 {"enabled: false\ntext: a\nurl: b\n", on("Planned: 17:00", "z"), "enabled: true\ntext: \"Planned: 17:00\"\nurl: z\n"},
		"clock time":            {"enabled: false\ntext: a\nurl: b\n", on("17:00", "z"), "enabled: true\ntext: \"17:00\"\nurl: z\n"},
		"starts with a digit":   {"enabled: false\ntext: a\nurl: b\n", on("5pm today", "z"), "enabled: true\ntext: 5pm today\nurl: z\n"},
		"symbol":                {"enabled: false\ntext: a\nurl: b\n", on(":soon", "z"), "enabled: true\ntext: \":soon\"\nurl: z\n"},
		"script":                {"enabled: false\ntext: a\nurl: b\n", on("x <script>alert('1')</script>", "z"), "enabled: true\ntext: x <script>alert('1')</script>\nurl: z\n"},
		"script first":          {"enabled: false\ntext: a\nurl: b\n", on("<script>", "z"), "enabled: true\ntext: \"<script>\"\nurl: z\n"},
		"right to left, emoji":  {"enabled: false\ntext: a\nurl: b\n", on("صيانة مجدولة 🛠️", "z"), "enabled: true\ntext: صيانة مجدولة 🛠️\nurl: z\n"},
		"2,000 characters":      {"enabled: false\ntext: a\nurl: b\n", on(strings.Repeat("lång ", 400)+".", "z"), "enabled: true\ntext: " + strings.Repeat("lång ", 400) + ".\nurl: z\n"},
		"line break":            {"enabled: false\ntext: 'a'\nurl: b\n", on("a\nb\u2028c", "z"), "enabled: true\ntext: \"a\\nb\\u2028c\"\nurl: z\n"},
		"folded block":          {"text: >- # long\n    old\n    words\n\nenabled: false\nurl: b\n", on("new words", "z"), "text: >- # long\n    new words\n\nenabled: true\nurl: z\n"},
		"literal block, clip":   {"text: |\n  old\nenabled: false\nurl: b", on("new", "z"), "text: |-\n  new\nenabled: true\nurl: z"},
		"literal block, two":    {"enabled: false\nurl: b\ntext: |\n  old\n  # no comment\n", on("one\ntwo\n", "z"), "enabled: true\nurl: z\ntext: |\n  one\n  two\n"},
		"block gives way":       {"text: | # c\n  old\nenabled: false\nurl: b\n", on(" x", "z"), "text: \" x\" # c\nenabled: true\nurl: z\n"},
		"plain of two lines":    {"text: old\n  words # c\nenabled: false\nurl: b\n", on("new", "z"), "text: new # c\nenabled: true\nurl: z\n"},
		"quoted, two lines":     {"text: \"old\n  words\" # c\nenabled: false\nurl: b\n", on("new", "z"), "text: \"new\" # c\nenabled: true\nurl: z\n"},
		"missing keys":          {"other: 1 # c\n\n# end\n", on("x", "#"), "other: 1 # c\n\n# end\nenabled: true\ntext: x\nurl: \"#\"\n"},
		"missing, CRLF, no end": {"enabled: true\r\nother: 1", on("x", ""), "enabled: true\r\nother: 1\r\ntext: x"},
		"missing, indented":     {"  enabled: false\n", on("x", ""), "  enabled: true\n  text: x\n"},
		"empty":                 {"", on("x", "z"), "enabled: true\ntext: x\nurl: z\n"},
		"comments only":         {"# nothing\n", on("x", ""), "# nothing\nenabled: true\ntext: x\n"},
		"document start":        {"---\n", on("x", ""), "---\nenabled: true\ntext: x\n"},
		"JSON":                  {"{\n  \"enabled\": false,\n  \"text\": \"a\",\n  \"url\": null\n}\n", on("x, \"y\"", "z"), "{\n  \"enabled\": true,\n  \"text\": \"x, \\\"y\\\"\",\n  \"url\": \"z\"\n}\n"},
		"braces":                {"{enabled: false, text: a b, url: }", on("x", "https://z/"), "{enabled: true, text: x, url: https://z/}"},
		"JSON, missing keys":    {"{\n  \"text\": \"a\"\n}\n", on("x", "z"), "{\n  \"enabled\": true,\n  \"url\": \"z\",\n  \"text\": \"x\"\n}\n"},
		"JSON, one line":        {`{"text": "a"}`, on("x", "z"), `{"enabled": true, "url": "z", "text": "x"}`},
		"braces, missing":       {"{ text: a }", on("x", ""), "{enabled: true, text: x }"},
		"number":                {"enabled: 0\ntext: 5\nurl: b\n", on("5", "z"), "enabled: true\ntext: \"5\"\nurl: z\n"},
		"already so":            {"enabled: yes\ntext: 'x'\n", on("x", ""), "enabled: yes\ntext: 'x'\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := mustEdit(t, c.in, c.b)
			if got != c.want {
				t.Fatalf("got  %q\nwant %q", got, c.want)
			}
			if read, err := Read("banner.yml", []byte(got)); err != nil || !reflect.DeepEqual(read, c.b) {
				t.Errorf("reads as %+v, %v", read, err)
			}
			if again := mustEdit(t, got, c.b); again != got {
				t.Errorf("the second time gave %q", again)
			}
		})
	}
}

func TestEditRefuses(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"enabled: [true]\n":                       "enabled is not a single value",
		"a: &x false\nenabled: *x\n":              "refers to another value",
		"enabled: &x false\nb: *x\n":              "carries an anchor",
		"enabled: !!bool false\n":                 "carries an anchor or a tag",
		"- enabled\n":                             "not a list of keys and values",
		"enabled: false\nenabled: true\n":         "line 2: the key \"enabled\" is there twice",
		"enabled: false\n---\nenabled: false\n":   "more than one YAML document",
		"enabled: [\n":                            "not YAML",
		"text: \xff\n":                            "not UTF-8",
		"enabled: false\n...\n":                   "after the change",
		"\xff\xfee\x00n\x00a\x00b\x00l\x00e\x00d": "not UTF-8",
	} {
		out, err := Edit("banner.yml", []byte(in), planned)
		if !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), want) || hint.Of(err) == "" {
			t.Errorf("%q gave %q, %v; want %q", in, out, err, want)
		}
	}
}

func TestReadFollowsLiquid(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]bool{
		"enabled: true": true, "enabled: yes": true, "enabled: off": false, "enabled:": false, "": false,
		"enabled: \"false\"": true, "enabled: 0": true, "a: &a false\nenabled: *a": false,
	} {
		if b, err := Read("banner.yml", []byte(in)); err != nil || b.Enabled != want {
			t.Errorf("%q gave %v, %v", in, b, err)
		}
	}
}
