package checks

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSettled(t *testing.T) {
	t.Parallel()
	found := func(id string, severity Severity, db string, names ...string) Finding {
		var objects []Object
		for _, n := range names {
			objects = append(objects, Object{Name: n})
		}
		return Check{ID: id, Severity: severity, Title: id}.Finding(db, objects)
	}
	for name, c := range map[string]struct {
		before, now []Finding
		want        []string
	}{
		"nothing before":                  {now: []Finding{found("a", Blocker, "", "x")}},
		"all of it":                       {before: []Finding{found("a", Blocker, "app", "x", "y")}, want: []string{"a, in database app: x, y."}},
		"one of two":                      {before: []Finding{found("a", Fix, "", "x", "y")}, now: []Finding{found("a", Fix, "", "y")}, want: []string{"a: x."}},
		"the same in another database":    {before: []Finding{found("a", Fix, "app", "x")}, now: []Finding{found("a", Fix, "shop", "x")}, want: []string{"a, in database app: x."}},
		"a figure that changed":           {before: []Finding{found("slots", Blocker, "", "0 are free")}, now: []Finding{found("slots", Blocker, "", "1 is free")}},
		"a note":                          {before: []Finding{found("a", Note, "", "x")}},
		"less bad than it was":            {before: []Finding{found("a", Blocker, "", "x", "y")}, now: []Finding{found("a", Warning, "", "x", "y")}},
		"one, and there are others now":   {before: []Finding{found("a", Blocker, "", "x")}, now: []Finding{found("a", Blocker, "", "y", "z")}, want: []string{"a: x."}},
		"a finding that names no objects": {before: []Finding{{ID: "disk", Severity: Blocker, Text: "no room"}}, want: []string{"no room"}},
	} {
		var got []string
		for _, f := range Settled(c.before, c.now) {
			got = append(got, f.Text)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
