package config

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLoadPost(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, file string
		want       Post
	}{
		{"whole", "---\ntitle: Dark mode\nlabels: [app, new]\nmaintenance: postgres-17\n---\n\nThe app is **dark** now.\n\n---\n\nAt night.\n",
			Post{Title: "Dark mode", Labels: []string{"app", "new"}, Maintenance: "postgres-17", Text: "The app is **dark** now.\n\n---\n\nAt night."}},
		{"with a date and kept back", "---\ntitle: Dark mode\ndate: 2026-12-05 17:00 +1300\ndraft: true\n---\nIt is dark.",
			Post{Title: "Dark mode", Text: "It is dark.", Draft: true, Date: time.Date(2026, 12, 5, 4, 0, 0, 0, time.UTC)}},
		{"the least", "---\ntitle: Dark mode\n---\nIt is dark.", Post{Title: "Dark mode", Text: "It is dark."}},
		{"line ends of Windows", "---\r\ntitle: Dark mode\r\n---\r\nIt is\r\ndark.\r\n", Post{Title: "Dark mode", Text: "It is\ndark."}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := parsePost("new.md", []byte(tt.file), time.UTC)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, *p); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPostProblems(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, file, want string }{
		{"no front matter", "Dark mode", "new.md:1:1: the file has no front matter"},
		{"nothing", "", "new.md:1:1: the file has no front matter"},
		{"not closed", "---\ntitle: Dark mode\n", "new.md:1:1: the file has no front matter"},
		{"nothing in it", "---\n\n---\nIt is dark.", "the front matter is a mapping of keys to values"},
		{"unknown key", "---\ntitle: Dark mode\nlable: [app]\n---\nIt is dark.", `new.md:3:1: unknown key "lable"`},
		{"no title", "---\nlabels: [app]\n---\nIt is dark.", `the front matter has no "title"`},
		{"no text", "---\ntitle: Dark mode\n---\n \n", "new.md:4:1: the post has no text"},
		{"nothing below", "---\ntitle: Dark mode\n---", "new.md:4:1: the post has no text"},
		{"not UTF-8", "---\ntitle: Dark mode\n---\n\xff", "new.md:4:1: the text is not UTF-8"},
		{"not a date", "---\ntitle: Dark mode\ndate: soon\n---\nIt is dark.", `new.md:3:7: "soon" is not an instant`},
		{"not a name", "---\ntitle: Dark mode\nmaintenance: ../x\n---\nIt is dark.", `new.md:3:14: "../x" is not a name`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := parsePost("new.md", []byte(tt.file), time.UTC)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
	if _, err := LoadPost(filepath.Join(t.TempDir(), "none.md"), time.UTC); err == nil {
		t.Error("a file that is not there was read")
	}
}

func FuzzLoadPost(f *testing.F) {
	f.Add([]byte("---\ntitle: Dark mode\nlabels: [app]\nmaintenance: postgres-17\n---\nIt is dark.\n"))
	f.Add([]byte("---\n---\n"))
	f.Add([]byte("---\ntitle: &a [*a]\n---\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parsePost("new.md", data, time.UTC)
		if err != nil {
			placed(t, err)
			return
		}
		if p.Title == "" || p.Text == "" {
			t.Errorf("accepted %+v", p)
		}
	})
}
