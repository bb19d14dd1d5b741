package public

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/phrase"
	"github.com/lullhq/lull/internal/subscribe"
)

// said finds the keys that sources name: T "…" and H "…" in templates, T("…"), Say("…") and the like in Go.
var said = regexp.MustCompile(`\b(?:T|H|Say|say|Raw|Date|List|about|span|instant|Age)\(?[^"\n]{0,60}?"([a-z_]+(?:\.[a-z_]+)*)"`)

// Nothing is said that no catalogue has, and no catalogue has what is never said.
func TestEveryWordIsThereAndUsed(t *testing.T) {
	t.Parallel()
	var sources strings.Builder
	must(t, fs.WalkDir(pages, "pages", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			body, err := pages.ReadFile(path)
			sources.Write(body)
			return err
		}
		return err
	}))
	for _, pattern := range []string{"*.go", "../subscribe.go", "../../view/*.go", "../../feed/*.go", "../../phrase/*.go", "../../notify/*.go"} {
		files, err := filepath.Glob(pattern)
		must(t, err)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			body, err := os.ReadFile(file)
			must(t, err)
			sources.Write(body)
		}
	}
	text := sources.String()
	for _, m := range said.FindAllStringSubmatch(text, -1) {
		if key := m[1]; strings.Contains(key, ".") && !phrase.English.Has(key) && !strings.HasSuffix(key, ".html") {
			t.Errorf("%q is said and has no words", key)
		}
	}
	for _, key := range phrase.English.Keys() {
		if !strings.Contains(text, `"`+key+`"`) && !made(key) {
			t.Errorf("%q has words and is never said", key)
		}
	}
}

// made are the keys that are put together from a set and a value of it.
func made(key string) bool {
	set, value, _ := strings.Cut(key, ".")
	switch set {
	case "state", "impact", "component", "status", "severity", "entry", "stale", "problem", "notice":
		return true
	case "told":
		return strings.HasPrefix(value, "way.") || strings.HasPrefix(value, "kind.")
	case "headline":
		return value == string(maint.DegradedPerformance) || value == string(maint.PartialOutage) || value == string(maint.MajorOutage)
	}
	return false
}

// Each value of the domain's sets has a name of its own in every language.
func TestEveryValueHasAName(t *testing.T) {
	t.Parallel()
	for _, lang := range phrase.Languages {
		words := phrase.In(lang)
		check := func(set, value string) {
			if !words.Has(set + "." + value) {
				t.Errorf("%s: %s has no name for %s", lang, set, value)
			}
		}
		for _, v := range maint.Impacts {
			check("impact", string(v))
			check("component", string(v))
		}
		for _, v := range append(maint.IncidentStatuses, maint.PostMortem) {
			check("status", string(v))
		}
		for _, v := range []maint.State{maint.Draft, maint.StateScheduled, maint.InProgress, maint.StateVerifying, maint.StateCompleted, maint.StateCancelled} {
			check("state", string(v))
		}
		for _, v := range subscribe.Ways {
			check("told.way", string(v))
		}
		for _, v := range subscribe.Kinds {
			check("told.kind", string(v))
		}
		for _, e := range []maint.Public{
			maint.Scheduled{}, maint.Rescheduled{}, maint.Started{}, maint.Updated{}, maint.Late{}, maint.Extended{},
			maint.Verifying{}, maint.Completed{}, maint.Cancelled{}, maint.RolledBack{},
		} {
			check("entry", e.Kind())
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
