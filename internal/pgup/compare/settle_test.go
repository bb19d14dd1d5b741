package compare

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// script is what each side shows at its first, second, ... look; the last one stays.
type script struct {
	source []sighting
	target []string
}

func at[T any](list []T, n int) T { return list[min(n, len(list)-1)] }

// play settles one suspect against a script.
func play(t *testing.T, s script, looks int) (different, moving []*suspect, barriers int) {
	t.Helper()
	var sources, targets int
	v := views{
		barrier: func(context.Context) error { barriers++; return nil },
		source: func(context.Context, []*suspect) (map[string]sighting, error) {
			sources++
			if seen := at(s.source, sources-1); seen != (sighting{}) {
				return map[string]sighting{"a": seen}, nil
			}
			return nil, nil
		},
		target: func(context.Context, []*suspect) (map[string]string, error) {
			targets++
			if seen := at(s.target, targets-1); seen != "" {
				return map[string]string{"a": seen}, nil
			}
			return nil, nil
		},
	}
	different, moving, err := v.settle(t.Context(), []*suspect{{id: "a"}}, looks)
	if err != nil {
		t.Fatal(err)
	}
	return different, moving, barriers
}

func TestSettle(t *testing.T) {
	t.Parallel()
	one, two, three, none := sighting{"x", "1"}, sighting{"y", "2"}, sighting{"z", "3"}, sighting{}
	back := sighting{"x", "9"}
	for name, c := range map[string]struct {
		script   script
		barriers int
		different,
		moving bool
		change Change
	}{
		"was in flight":                      {script{[]sighting{one}, []string{"x"}}, 1, false, false, ""},
		"target is ahead of the first look":  {script{[]sighting{one, two}, []string{"y"}}, 1, false, false, ""},
		"target is behind the second look":   {script{[]sighting{one, two}, []string{"x"}}, 1, false, false, ""},
		"another value":                      {script{[]sighting{one}, []string{"q"}}, 2, true, false, Changed},
		"not on the target":                  {script{[]sighting{one}, []string{""}}, 2, true, false, OnlySource},
		"not on the source":                  {script{[]sighting{none}, []string{"q"}}, 2, true, false, OnlyTarget},
		"deleted on both":                    {script{[]sighting{one, none}, []string{""}}, 1, false, false, ""},
		"changed meanwhile, then equal":      {script{[]sighting{one, two, three}, []string{"q", "z"}}, 2, false, false, ""},
		"changed and taken back is no proof": {script{[]sighting{one, back, back}, []string{"y", "x"}}, 2, false, false, ""},
		"one proof alone is none":            {script{[]sighting{none, none, one}, []string{"x", "x"}}, 2, false, false, ""},
		"proofs must follow each other":      {script{[]sighting{one, one, two, two, two}, []string{"q"}}, 4, true, false, Changed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			different, moving, barriers := play(t, c.script, 5)
			if len(different) > 0 != c.different || len(moving) > 0 != c.moving || barriers != c.barriers {
				t.Errorf("different %d, moving %d, barriers %d", len(different), len(moving), barriers)
			}
			if c.different && different[0].change() != c.change {
				t.Errorf("change is %s", different[0].change())
			}
		})
	}
}

func TestSettleGivesUpOnAHotRow(t *testing.T) {
	t.Parallel()
	var hot script
	for _, v := range []string{"1", "2", "3", "4", "5", "6"} {
		hot.source = append(hot.source, sighting{v, v})
	}
	hot.target = []string{"a"}
	different, moving, barriers := play(t, hot, 5)
	if len(different) != 0 || len(moving) != 1 || barriers != 5 {
		t.Errorf("different %d, moving %d, barriers %d", len(different), len(moving), barriers)
	}
}

func TestSettlePassesErrorsOn(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	v := views{
		barrier: func(context.Context) error { return broken },
		source:  func(context.Context, []*suspect) (map[string]sighting, error) { return nil, nil },
	}
	if _, _, err := v.settle(t.Context(), []*suspect{{id: "a"}}, 5); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestDiffering(t *testing.T) {
	t.Parallel()
	got := map[string]bool{}
	for _, s := range differing(map[string]string{"a": "1", "b": "1", "c": "1"}, map[string]string{"a": "1", "b": "2", "d": "1"}) {
		got[s.id] = true
	}
	if d := cmp.Diff(map[string]bool{"b": true, "c": true, "d": true}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	var ids []string
	for _, s := range unequal(map[string]digest{"1": {1, "5"}, "2": {1, "5"}}, map[string]digest{"1": {1, "5"}, "2": {1, "6"}, "3": {1, "5"}}) {
		ids = append(ids, s.id)
	}
	if d := cmp.Diff([]string{"2", "3"}, ids); d != "" {
		t.Errorf("buckets (-want +got):\n%s", d)
	}
}

func TestApart(t *testing.T) {
	t.Parallel()
	moved := []*suspect{
		{before: sighting{value: digest{5, "1"}.String()}, target: digest{3, "1"}.String()}, // 2 rows fewer
		{before: sighting{value: digest{5, "1"}.String()}, target: digest{5, "2"}.String()}, // another row
		{target: digest{4, "-7"}.String()},                                                  // none on the source
	}
	if got := apart(moved); got != 2+1+4 {
		t.Errorf("apart by %d rows", got)
	}
	if got := parseDigest(digest{4, "-7"}.String()); got != (digest{4, "-7"}) {
		t.Errorf("read back %v", got)
	}
}

func FuzzParseDigest(f *testing.F) {
	f.Add("5 -7")
	f.Add("")
	f.Add("x y z")
	f.Fuzz(func(t *testing.T, s string) {
		d := parseDigest(s)
		if again := parseDigest(d.String()); again.rows != d.rows || again.sum != d.sum {
			t.Errorf("%q read as %v, then as %v", s, d, again)
		}
	})
}
