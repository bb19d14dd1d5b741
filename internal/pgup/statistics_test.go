package pgup

import (
	"fmt"
	"testing"

	"github.com/lullhq/lull/internal/pgup/cluster"
)

func tasks(list ...task) []task { return list }

func of(path string, bytes, reads int64) task {
	return task{database: "app", relation: cluster.Relation{Schema: "public", Name: path, Path: "public." + path, Bytes: bytes}, reads: reads}
}

func namesOf(list []task) (out []string) {
	for _, t := range list {
		out = append(out, t.relation.Name)
	}
	return out
}

func TestTheHotTablesComeFirst(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		all  []task
		want string
	}{
		"none":                        {nil, "[]"},
		"never read":                  {tasks(of("small", 1, 0), of("large", 9, 0)), "[large small]"},
		"a small one is read most":    {tasks(of("archive", 900, 5), of("large", 90, 10), of("hot", 1, 985)), "[hot archive large]"},
		"the largest of the hot ones": {tasks(of("archive", 900, 1), of("hot", 1, 600), of("warm", 50, 399)), "[warm hot archive]"},
	} {
		if got := fmt.Sprint(namesOf(inOrder(c.all))); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// Where the copy brought statistics along, only what lacks any is analysed.
func TestOnlyWhatIsNeeded(t *testing.T) {
	t.Parallel()
	other := of("a", 1, 1)
	other.database = "shop"
	system := of("pg_class", 1, 1)
	system.relation.Schema = "pg_catalog"
	got := needed(tasks(of("a", 1, 1), of("b", 1, 1), other, system), []lack{{"app", "public.b", "public.b (id)"}, {"app", "public.b", "public.b, statistics s"}, {"shop", "public.c", "public.c"}})
	if fmt.Sprint(namesOf(got)) != "[b pg_class]" {
		t.Errorf("to be analysed: %v", namesOf(got))
	}
}
