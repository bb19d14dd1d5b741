package checks

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/golden"
	"github.com/lullhq/lull/internal/hint"
)

func TestVersions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		v     Versions
		major int
		want  bool
	}{
		{Versions{}, 10, true}, {Versions{From: 12}, 11, false}, {Versions{From: 12}, 12, true}, {Versions{To: 11}, 11, true},
		{Versions{To: 11}, 12, false}, {Versions{From: 12, To: 13}, 13, true},
	} {
		if got := c.v.Has(c.major); got != c.want {
			t.Errorf("%+v has %d: %v", c.v, c.major, got)
		}
	}
}

func TestFill(t *testing.T) {
	t.Parallel()
	got := fill(`SELECT @n::int, @name::text, @all::text[], @yes::bool, @none, @other, a @> b`,
		pgx.NamedArgs{"n": 3, "name": "it's", "all": []string{"a", "b'c"}, "yes": true, "none": nil})
	want := `SELECT 3::int, 'it''s'::text, ARRAY['a', 'b''c']::text[]::text[], true::bool, NULL, @other, a @> b`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	c := Check{
		ID: "old-type", Asks: Source, Source: Versions{To: 11}, Target: Versions{From: 12}, Severity: Blocker, Title: "Columns of a type that is gone", Why: "The new version does not know it.",
		Fix: "Change the type.", Lull: "Lull does nothing.", SQL: "SELECT 1\n\t\tFROM a",
	}
	var many []Object
	for _, name := range []string{"a", "b", "c", "d", "e", "*f*", "g"} {
		many = append(many, Object{Name: name, Detail: "abstime", Command: "ALTER TABLE " + name})
	}
	one := c.Finding("app", many)
	one.Where, one.Evidence = "127.0.0.1:5432", c.SQL
	found := []Finding{{ID: "note", Severity: Note, Text: "A thing is so.", Fix: "Nothing."}, one}
	Explain(found, []Check{c})
	Sort(found)
	golden.Equal(t, "report.md", Report(found))
	golden.Equal(t, "page.md", Page([]Check{c}))
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	if err := Refusal([]Finding{{Severity: Warning}}); err != nil {
		t.Errorf("a warning refuses: %v", err)
	}
	a := Finding{ID: "a", Severity: Blocker, Text: "It is wrong.", Fix: "Mend it.", Where: "plan.yaml:3:1"}
	if err := Refusal([]Finding{a}); err == nil || err.Error() != "plan.yaml:3:1: It is wrong. (a)" || hint.Of(err) != "Mend it." {
		t.Errorf("got %v, %s", err, hint.Of(err))
	}
	if err := Refusal([]Finding{a, a}); err == nil || hint.Of(err) == "Mend it." {
		t.Errorf("two are told as one: %v", err)
	}
}
