package config

import "testing"

func TestPlace(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		file string
		path []string
		want string
	}{
		{"testdata/plan.yaml", []string{"steps", "1", "upgrade", "to"}, "testdata/plan.yaml:9:34"},
		{"testdata/plan.yaml", []string{"steps", "99", "upgrade"}, "testdata/plan.yaml:8:3"},
		{"testdata/plan.yaml", []string{"steps", "one"}, "testdata/plan.yaml:8:3"},
		{"testdata/plan.yaml", []string{"title", "deeper"}, "testdata/plan.yaml:2:8"},
		{"testdata/plan.yaml", nil, "testdata/plan.yaml:1:1"},
		{"testdata/bad/plan-alias.yaml", []string{"nowhere"}, "testdata/bad/plan-alias.yaml:1:1"},
		{"testdata/bad/plan-syntax.yaml", []string{"title"}, "testdata/bad/plan-syntax.yaml"},
		{"testdata/nowhere.yaml", []string{"title"}, "testdata/nowhere.yaml"},
	} {
		if got := Place(test.file, test.path...); got != test.want {
			t.Errorf("%s %v: got %s, want %s", test.file, test.path, got, test.want)
		}
	}
}
