package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func seeds(f *testing.F) {
	f.Helper()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	bad, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(files, bad...) {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

// placed checks that every problem of a file can be found in it.
func placed(t *testing.T, err error) {
	t.Helper()
	var problems Errors
	if !errors.As(err, &problems) || len(problems) == 0 {
		t.Fatalf("no problems but %v", err)
	}
	for _, p := range problems {
		if p.Line < 1 || p.Column < 1 || p.Text == "" {
			t.Errorf("problem without a place: %+v", p)
		}
	}
}

func FuzzLoad(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseConfig("lull.yaml", data)
		if err != nil {
			placed(t, err)
			return
		}
		for _, cluster := range c.Clusters {
			if !filepath.IsAbs(cluster.Target.Data) || cluster.Target.Port == 0 {
				t.Errorf("accepted %+v", cluster)
			}
			for _, p := range cluster.Poolers {
				if _, ok := c.Poolers[p]; !ok {
					t.Errorf("accepted pooler %q, which is not there", p)
				}
			}
		}
		for _, x := range c.Components {
			for _, p := range x.Probes {
				if !slices.Contains(ProbeKinds, p.Kind) || p.Timeout <= 0 || p.Timeout > p.Every || p.Confirm < 1 || !slices.Contains(downImpacts, p.Impact) {
					t.Errorf("accepted probe %+v", p)
				}
			}
		}
	})
}

func FuzzLoadPlan(f *testing.F) {
	seeds(f)
	c := good(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParsePlan("plan.yaml", data, c)
		if err != nil {
			placed(t, err)
			return
		}
		if _, _, err := p.Window.Resolve(); err != nil {
			t.Errorf("accepted a window that does not resolve: %v", err)
		}
		if p.ID == "" || p.Title == "" || len(p.Steps) == 0 {
			t.Errorf("accepted %+v", p)
		}
		for _, s := range p.Steps {
			if s.Line < 1 || s.Name == "" || !slices.Contains(Kinds, s.Kind) {
				t.Errorf("accepted step %+v", s)
			}
			s.Budget()
		}
	})
}

// What is written out means what was read, whatever the values hold.
func FuzzParseDSN(f *testing.F) {
	for _, s := range []string{"host=h password='a b' user=o\\'x", "postgres://u:p%40@h:1,[::1]:2/d?sslmode=require", "${X}", "a=", "a='"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		first, err := parseDSN(in)
		if err != nil || len(first) == 0 {
			return
		}
		written, err := DSN{params: first}.Conninfo()
		if err != nil {
			t.Fatal(err)
		}
		second, err := parseDSN(written.Reveal())
		if err != nil {
			t.Fatalf("%q was written as %q: %v", in, written.Reveal(), err)
		}
		for _, p := range first {
			if p.key == password && p.value.Empty() {
				continue
			}
			if !slices.ContainsFunc(second, func(q param) bool { return q.key == p.key && q.value.Reveal() == p.value.Reveal() }) {
				t.Errorf("%q was written as %q", in, written.Reveal())
			}
		}
	})
}
