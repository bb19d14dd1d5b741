package cluster_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

func TestRefoldedIndexes(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, 17, pgtest.Options{})
	s.Exec(t, "postgres", `CREATE DATABASE letters TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'`)
	for _, db := range []string{"letters", "postgres"} {
		s.Exec(t, db,
			`CREATE TABLE words (id int PRIMARY KEY, w tsvector, n text)`, `CREATE INDEX searched ON words USING gin (w)`,
			`CREATE INDEX lowered ON words (lower(n))`, `CREATE INDEX bytewise ON words (lower(n COLLATE "C"))`, `CREATE INDEX plain ON words (n)`,
			`CREATE INDEX partly ON words (id) WHERE n ~* 'x'`, `CREATE INDEX normal ON words (normalize(n))`, `CREATE INDEX named ON words (upper(n COLLATE "pg_c_utf8"))`)
	}
	own, err := cluster.FoldingOf(t.Context(), s.Connect(t, "letters"))
	if err != nil || own.Major != 17 || own.Unicode == "" {
		t.Fatalf("the server's own: %+v, %v", own, err)
	}
	newer := cluster.Folding{Major: 18, Unicode: "16.0"}
	for _, c := range []struct {
		what, db       string
		source, target cluster.Folding
		want           string
	}{
		{"the same", "letters", own, own, "[]"},
		{"from 17 to 18", "letters", own, newer, "[lowered named normal partly searched]"},
		{"from 17 to 18, where the C library sorts", "postgres", own, newer, "[named normal]"},
		{"from 16, which had no such order, to 18", "letters", cluster.Folding{Major: 16}, newer, "[searched]"},
		{"from 13 to 17", "letters", cluster.Folding{Major: 13}, own, "[]"},
	} {
		found, err := cluster.RefoldedIndexes(t.Context(), s.Connect(t, c.db), c.source, c.target)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(sorted(found)); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}

func sorted(list []cluster.Relation) (names []string) {
	for _, r := range list {
		names = append(names, r.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
