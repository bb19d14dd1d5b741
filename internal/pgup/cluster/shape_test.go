package cluster_test

import (
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/pgup/cluster"
)

func TestShape(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"parameters", "SELECT a FROM t WHERE a = $1 AND b = $12", "SELECT a FROM t WHERE a = ? AND b = ?"},
		{"spaces", "  SELECT\n\ta,b\r\nFROM  t ", "SELECT a,b FROM t"},
		{"a list, as servers up to 17 write it", "SELECT 1 FROM t WHERE a IN ($1, $2,$3 , $4)", "SELECT ? FROM t WHERE a IN (?)"},
		{"a list, as 18 writes it", "SELECT $1 FROM t WHERE a IN ($2 /*, ... */)", "SELECT ? FROM t WHERE a IN (?)"},
		{"comments", "/* trace=4f /* nested */ 'x' */ SELECT a -- the first one\nFROM t", "SELECT a FROM t"},
		{"strings", "SELECT 'it''s', E'a\\'b', U&'d', $$ 'x' $$, $q$ $1 $q$, b", "SELECT ?, E?, U&?, b"},
		{"a word that ends in e", `SELECT type'a\' FROM t`, "SELECT type? FROM t"},
		{"numbers", "SELECT a1, 2.5e10, 0x1F, t2.c_3 FROM t LIMIT 10", "SELECT a1, ?, t2.c_3 FROM t LIMIT ?"},
		{"quoted names", `SELECT "a  b", "it""s -- $1" FROM "T"`, `SELECT "a  b", "it""s -- $1" FROM "T"`},
		{"a string that does not end", "SELECT 'secret", "SELECT ?"},
		{"a comment that does not end", "SELECT a /* secret", "SELECT a"},
		{"a tag that does not end", "SELECT $a$ secret", "SELECT ?"},
		{"a dollar in a name", "SELECT a$1 FROM t$", "SELECT a$1 FROM t$"},
		{"an operator of json", "SELECT a ? $1 FROM t", "SELECT a ? ? FROM t"},
		{"nothing", " -- nothing", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := cluster.Shape(tt.text); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestPlannable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"SELECT ?": true, "(SELECT ?)": true, "( ( select ?": true, "With x AS (SELECT ?)": true, "UPDATE t SET a = ?": true, "VALUES(?)": true, "table t": true,
		"CREATE ROLE a PASSWORD ?": false, "COPY t FROM STDIN": false, "selected": false, "selecté": false, "": false, "BEGIN": false,
	} {
		if got := cluster.Plannable(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// Whatever a server holds: no value comes through, and the shape of a shape is itself.
func FuzzShape(f *testing.F) {
	for _, text := range []string{"SELECT E'a\\'b' || 'x' FROM t", "/* /* */ */ $a$ $b$ $a$", "1, 2 , ($3)", "a-- \r'b", `"x""y"`, "$", "E"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		shape := cluster.Shape(text)
		if again := cluster.Shape(shape); again != shape {
			t.Errorf("%q is %q, and its shape is %q", text, shape, again)
		}
		if quoted := strings.Count(shape, `"`); quoted == 0 && strings.ContainsAny(shape, "'\n") {
			t.Errorf("%q is %q", text, shape)
		}
		cluster.Plannable(shape)
	})
}
