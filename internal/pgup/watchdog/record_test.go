package watchdog

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup/gate"
)

func TestRecord(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "record")
	if all, err := ReadRecord(path); err != nil || all != nil {
		t.Fatalf("no file reads as %v, %v", all, err)
	}
	want := []Event{
		{At: time.Unix(1, 0).UTC(), What: Held, Marks: []gate.Mark{{Name: "drained", At: time.Unix(1, 0).UTC()}}},
		{At: time.Unix(2, 0).UTC(), What: Released, Side: gate.Source, Why: "two\nlines"},
	}
	r, err := openRecord(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range want {
		r.add(e)
	}
	if err := r.sync(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := openRecord(ctx, path); !errors.Is(err, context.DeadlineExceeded) || hint.Of(err) == "" {
		t.Errorf("a second one got the record: %v", err)
	}
	r.file.WriteString(`{"at":"2026`)
	r.close()
	got, err := ReadRecord(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := os.WriteFile(path, []byte("{}\nnonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadRecord(path); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("a broken line reads as %v", err)
	}
}

func FuzzDecodeRecord(f *testing.F) {
	f.Add([]byte("{\"what\":\"held\"}\n{\"wh"))
	f.Add([]byte("\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := decodeRecord(b)
		if err != nil {
			return
		}
		var again []byte
		for _, e := range all {
			line, err := json.Marshal(e)
			if err != nil {
				return // a year beyond RFC 3339
			}
			again = append(append(again, line...), '\n')
		}
		if got, err := decodeRecord(again); err != nil || len(got) != len(all) {
			t.Errorf("%q does not survive: %v", b, err)
		}
	})
}

func TestSpecHidesPasswords(t *testing.T) {
	t.Parallel()
	spec := Spec{Poolers: []gate.Pooler{{Name: "main", Admin: "password=hunter2"}}, Source: Source{Conninfo: "password=hunter2", Password: "hunter2"}}
	b, err := json.Marshal(spec)
	if err != nil || !strings.Contains(string(b), "hunter2") {
		t.Fatalf("the pipe carries %s, %v", b, err)
	}
	for _, s := range []string{spec.String(), spec.LogValue().String()} {
		if strings.Contains(s, "hunter2") {
			t.Errorf("told the password: %s", s)
		}
	}
}

func TestReplyError(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in       reply
		released bool
		text     string
		next     string
	}{
		{reply{State: held}, false, "", ""},
		{reply{State: released}, true, ErrReleased.Error(), ""},
		{reply{State: released, Error: "late", Hint: "try"}, true, ErrReleased.Error() + ": late", "try"},
		{reply{State: idle, Error: "no"}, false, "no", ""},
	}
	for _, tt := range tests {
		err := tt.in.err()
		if errors.Is(err, ErrReleased) != tt.released || text(err) != tt.text || hint.Of(err) != tt.next {
			t.Errorf("%+v gives %v", tt.in, err)
		}
	}
}
