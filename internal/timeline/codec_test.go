package timeline_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/timeline"
	"github.com/lullhq/lull/internal/timeline/logtest"
)

var update = flag.Bool("update", false, "write the corpus file of each event that has none; those that are there stay as they are")

func TestCodec(t *testing.T) {
	t.Parallel()
	for _, e := range logtest.Events() {
		kind, data, err := timeline.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		got, err := timeline.Decode(kind, data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, got); diff != "" {
			t.Errorf("%s -want +got\n%s", kind, diff)
		}
	}
}

// TestCorpus reads every event as it was shipped: file KIND.N.json holds the Nth
// form of a kind. Nothing that it says may be lost, so a field can be added to an
// event, and can never be renamed or change its meaning.
func TestCorpus(t *testing.T) {
	t.Parallel()
	if *update {
		writeMissing(t)
	}
	files, err := filepath.Glob("testdata/events/*.json")
	if err != nil {
		t.Fatal(err)
	}
	shipped := map[string]bool{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := strings.Cut(filepath.Base(file), ".")
		shipped[kind] = true
		event, err := timeline.Decode(kind, data)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		_, again, err := timeline.Encode(event)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if diff := cmp.Diff(object(t, data), object(t, again)); diff != "" {
			t.Errorf("%s: -shipped +now\n%s", file, diff)
		}
	}
	for _, kind := range timeline.Kinds() {
		if !shipped[kind] {
			t.Errorf("kind %s has no file in testdata/events: run the test with -update", kind)
		}
	}
}

func object(t *testing.T, data []byte) (out map[string]any) {
	t.Helper()
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func writeMissing(t *testing.T) {
	t.Helper()
	for _, e := range logtest.Events() {
		file := filepath.Join("testdata", "events", e.Kind()+".1.json")
		if _, err := os.Stat(file); err == nil {
			continue
		}
		data, err := json.MarshalIndent(e, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestEveryEventIsRegistered reads the domain's source: an event that the codec
// does not know would be refused only when it happens, in somebody's night.
func TestEveryEventIsRegistered(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../maint/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var source []byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source = append(source, text...)
	}
	declared := map[string]bool{}
	for _, m := range regexp.MustCompile(`\) Kind\(\) string\s*{ return "(\w+)" }`).FindAllSubmatch(source, -1) {
		declared[string(m[1])] = true
	}
	registered := map[string]bool{}
	for _, kind := range timeline.Kinds() {
		registered[kind] = true
	}
	sampled := map[string]bool{}
	for _, e := range logtest.Events() {
		sampled[e.Kind()] = true
	}
	if diff := cmp.Diff(declared, registered); diff != "" {
		t.Errorf("-declared +registered\n%s", diff)
	}
	if diff := cmp.Diff(declared, sampled); diff != "" {
		t.Errorf("-declared +in logtest.Events\n%s", diff)
	}
}

func TestDecodeReadsANewerRecord(t *testing.T) {
	t.Parallel()
	if _, err := timeline.Decode("started", []byte(`{"text":"Go.","mood":"calm"}`)); err != nil {
		t.Error(err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ kind, data, want string }{
		{"nonsense", `{}`, `unknown kind "nonsense"`},
		{"", `{}`, `unknown kind ""`},
		{"started", `{"text":`, "decode started"},
		{"started", `[]`, "decode started"},
		{"started", ``, "decode started"},
		{"late", `{"expected_end":"tomorrow"}`, "decode late"},
	} {
		if _, err := timeline.Decode(tt.kind, []byte(tt.data)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %s: %v, want %q", tt.kind, tt.data, err, tt.want)
		}
	}
}

// FuzzDecode: whatever is read can be written, and what was written is read as the same.
func FuzzDecode(f *testing.F) {
	for _, e := range logtest.Events() {
		kind, data, err := timeline.Encode(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(kind, data)
	}
	f.Add("noted", []byte(`{"figures":{"x":1e308}}`))
	f.Add("late", []byte(`{"expected_end":"9999-12-31T23:59:59.999999999+23:59"}`))
	f.Add("started", []byte(`null`))
	f.Fuzz(func(t *testing.T, kind string, data []byte) {
		first, err := timeline.Decode(kind, data)
		if err != nil {
			return
		}
		if first.Kind() != kind {
			t.Fatalf("%s decoded as %s", kind, first.Kind())
		}
		_, written, err := timeline.Encode(first)
		if err != nil {
			t.Fatalf("%#v was read and cannot be written: %v", first, err)
		}
		second, err := timeline.Decode(kind, written)
		if err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		_, again, err := timeline.Encode(second)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(written), string(again)); diff != "" {
			t.Error(diff)
		}
	})
}
