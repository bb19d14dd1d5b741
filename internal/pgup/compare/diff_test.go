package compare

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func sortStrings(less func(a, b string) bool) cmp.Option { return cmpopts.SortSlices(less) }

func TestDiff(t *testing.T) {
	t.Parallel()
	table := object{kind: "relation", identity: "public.t", definition: "table"}
	column := object{kind: "column", identity: "public.t.a", of: "public.t", definition: "integer"}
	view := object{kind: "relation", identity: "public.v", definition: "view", local: "13 writes it so"}
	elsewhere := view
	elsewhere.local = "17 writes it so"
	wide := column
	wide.definition = "bigint"
	for name, c := range map[string]struct {
		source, target []object
		want           []Difference
	}{
		"nothing":                     {},
		"alike":                       {source: []object{table, column}, target: []object{column, table}},
		"written otherwise":           {source: []object{view}, target: []object{elsewhere}},
		"changed":                     {source: []object{table, column}, target: []object{table, wide}, want: []Difference{{"column", "public.t.a", Changed, "integer", "bigint"}}},
		"missing column":              {source: []object{table, column}, target: []object{table}, want: []Difference{{"column", "public.t.a", OnlySource, "integer", ""}}},
		"missing table, once":         {source: []object{table, column}, want: []Difference{{"relation", "public.t", OnlySource, "table", ""}}},
		"extra table, once, in order": {source: []object{view}, target: []object{column, table}, want: []Difference{{"relation", "public.t", OnlyTarget, "", "table"}, {"relation", "public.v", OnlySource, "view", ""}}},
		"same name, another kind of thing": {source: []object{{kind: "type", identity: "public.t"}}, target: []object{table},
			want: []Difference{{"relation", "public.t", OnlyTarget, "", "table"}, {"type", "public.t", OnlySource, "", ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(c.want, diff(c.source, c.target)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestSameDefinition(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"CHECK ((a > 0))", "CHECK ((a > 0))", true},
		{`((kind)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))`, `((kind)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text]))`, true},
		{"DEFAULT 'x'::character varying(10)", "DEFAULT 'x'::text", true},
		{"at < '2020-01-01 00:00:00'::timestamp without time zone", "at < '2020-01-01 00:00:00'::timestamp(3) with time zone", true},
		{"x::sales.\"Odd Type\"[][] = 1", "x = 1", true},
		{"x::bit varying(3)", "x", true},
		{"CHECK (a > 0)", "CHECK (a > 1)", false},
		{"CHECK (a > 0)", "CHECK (b > 0)", false},
		{"DEFAULT 'a::b'", "DEFAULT 'a'", false},
		{"DEFAULT '('", "DEFAULT ''", false},
		{`"a b"`, "a b", false},
		{"'it''s (so)'", "'it''s so'", false},
		{"ab", "a b", false},
		{"numeric(12,2)", "numeric(12,3)", false},
		{"integer", "bigint", false},
		{"", "x", false},
	} {
		if got := sameDefinition(c.a, c.b); got != c.same {
			t.Errorf("%s and %s: same is %v: %q %q", c.a, c.b, got, bare(c.a), bare(c.b))
		}
	}
}

func FuzzBare(f *testing.F) {
	f.Add("CHECK (((kind)::text = ANY ((ARRAY['a'::character varying(3)])::text[])))")
	f.Add("'open::(")
	f.Add(`x::"a`)
	f.Add("a::b.c.d(1,2)[]")
	f.Fuzz(func(t *testing.T, s string) {
		once := bare(s)
		if !sameDefinition(s, s) || len(once) > 2*len(s) {
			t.Errorf("%q became %q", s, once)
		}
	})
}
