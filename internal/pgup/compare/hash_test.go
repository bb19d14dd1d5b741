package compare

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHashOfARow(t *testing.T) {
	t.Parallel()
	two := table{Columns: []column{{Name: "id", Type: "integer"}, {Name: `odd "name`, Type: "json", Nullable: true}, {Name: "v", Type: "character(84)", Nullable: true}}}
	mask := `(0::bigint + CASE WHEN t."odd ""name" IS NULL THEN 1::bigint ELSE 0 END + CASE WHEN t."v" IS NULL THEN 2::bigint ELSE 0 END)`
	want := `coalesce(hashbpcharextended(coalesce(t."v", '') COLLATE "C", hashtextextended(concat(t."odd ""name") COLLATE "C", hashint4extended(t."id", hashint4extended(0, ` + mask + ` # 0::bigint)))), 0)`
	if d := cmp.Diff(want, fast.row(two)); d != "" {
		t.Errorf("fast (-want +got):\n%s", d)
	}
	want = `('x' || substr(md5(convert_to(concat_ws(E'\x1f', t."id", t."odd ""name", t."v") || E'\x1f' || ` + mask + `, 'UTF8')), 1, 16))::bit(64)::bigint`
	if d := cmp.Diff(want, portable.row(two)); d != "" {
		t.Errorf("portable (-want +got):\n%s", d)
	}
	if got := joined(nil); got != "''" {
		t.Errorf("no columns: %s", got)
	}
}

func TestManyColumns(t *testing.T) {
	t.Parallel()
	var many []column
	for i := range 200 {
		many = append(many, column{Name: fmt.Sprint("c", i), Nullable: true})
	}
	if got := joined(many); strings.Count(got, "concat_ws") != 4 {
		t.Errorf("200 columns: %s", got)
	}
	masks := nulls(many)
	if len(masks) != 4 || !strings.Contains(masks[0], fmt.Sprint(int64(1)<<62)) || strings.Count(strings.Join(masks, ""), "IS NULL") != 200 {
		t.Errorf("200 columns: %s", masks)
	}
}

func TestDirect(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"integer": true, "character(84)": true, "character varying(20)": true, "character varying": true, "text": true, "boolean": true,
		"integer[]": false, "character varying(20)[]": false, "bpchar": false, "numeric": true, "numeric(5,2)": true, "numeric(5,2)[]": false, "date": true, "public.integer": false, `"char"`: false,
		"timestamp with time zone": true, "timestamp(3) without time zone": true, "timestamp(3) with time zone[]": false, "time without time zone": false, "interval": false, "public.text(5)": false,
	} {
		if _, got := (column{Type: name}).direct(); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestChunkRows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		table table
		want  int
	}{
		{table{Bytes: 128e6, Rows: 1e6}, 32768},
		{table{Bytes: 1e9, Rows: 1e9}, 50000},
		{table{Bytes: 1e9, Rows: 10}, 1},
		{table{Bytes: 1e9, Rows: -1}, 1000},
	} {
		if got := c.table.chunkRows(4 << 20); got != c.want {
			t.Errorf("%+v: %d", c.table, got)
		}
	}
}

func TestStep(t *testing.T) {
	t.Parallel()
	one, two := []keyColumn{{"id", "bigint"}}, []keyColumn{{"id", "bigint"}, {"line", "smallint"}}
	for name, c := range map[string]struct {
		table     table
		low, high int64
		want      int64
	}{
		"without gaps":             {table{Key: one, Rows: 1e6}, 1, 1e6, 8000},
		"some gaps":                {table{Key: one, Rows: 1e6}, 1, 3e6, 8000},
		"mostly gaps":              {table{Key: one, Rows: 1e6}, 1, 5e6, 0},
		"nobody knows how many":    {table{Key: one, Rows: -1}, 1, 1000, 0},
		"all there are":            {table{Key: one, Rows: 1e6}, math.MinInt64, math.MaxInt64, 0},
		"two rows a number":        {table{Key: two, Rows: 1e6}, 1, 5e5, 4000},
		"more numbers than rows":   {table{Key: two, Rows: 1e6}, 1, 2e6, 8000},
		"a thousand rows a number": {table{Key: two, Rows: 1e6}, 1, 1000, 0},
	} {
		if got := c.table.step(c.low, c.high, 8000); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestUnstable(t *testing.T) {
	t.Parallel()
	l := layout{lowest: 10, tables: []table{{Schema: "public", Name: "t", Columns: []column{
		{Name: "a", Type: "real[]", Base: "float4"}, {Name: "b", Type: "text", Base: "text"}, {Name: "c", Type: "public.geometry", Extension: "postgis"}, {Name: "d", Type: "public.mine"}}}}}
	name := `"public"."t"`
	want := []Unstable{
		{name, "a", "real[]", "compared to 15 digits: the older server cannot write more that the newer one writes alike"},
		{name, "c", "public.geometry", "written by extension postgis, which may be of another version on the target"},
		{name, "d", "public.mine", "written by a type of your own"},
	}
	if d := cmp.Diff(want, l.unstable()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	l.lowest = 12
	if got := l.unstable(); len(got) != 2 {
		t.Errorf("from 12 on: %v", got)
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		low, high, rows int64
		want            []string
	}{
		{1, 10, 4, []string{"4", "8"}},
		{1, 8, 4, []string{"4"}},
		{-5, 5, 5, []string{"-1", "4"}},
		{7, 7, 5, nil},
		{math.MaxInt64 - 9, math.MaxInt64, 5, []string{"9223372036854775802"}},
		{math.MinInt64 + 1, math.MinInt64 + 3, 2, []string{"-9223372036854775806"}},
	} {
		var got, from []string
		for {
			to, err := count(from, c.low, c.high, c.rows)
			if err != nil {
				t.Fatal(err)
			}
			if from = to; to == nil {
				break
			}
			got = append(got, to...)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%+v (-want +got):\n%s", c, d)
		}
	}
}
