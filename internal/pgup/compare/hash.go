package compare

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// hashing is how a row becomes 64 bits, the same on both sides.
type hashing int

const (
	// fast: the hash functions of hash partitioning, from 11 on. Rows lie in partitions by
	// them, so a newer server has to compute what an older one did; agree makes sure.
	fast hashing = iota
	// portable: the first half of md5 over UTF-8, at five times the cost, for a source
	// before 11, other byte orders and other encodings.
	portable
)

// samples is a row of everything that fast is made of.
const samples = `SELECT concat_ws(' ', hashtextextended('Lull' COLLATE "C", 13), hashint2extended(-2::smallint, 13), hashint4extended(-4, 13), hashoidextended(4000000000, 13),
	hashbpcharextended('Lull ' COLLATE "C", 13), uuid_hash_extended('f5a7d0c6-0c2b-4a8e-9d43-6e1f0b6f2a11', 13), current_setting('server_encoding'))`

// agree chooses what gives the same on both sides, by trying.
func agree(ctx context.Context, src, dst *pgx.Conn, lowest int) (hashing, error) {
	if lowest < 11 {
		return portable, nil
	}
	s, d, err := both(ctx, src, dst, func(ctx context.Context, conn *pgx.Conn) (got string, err error) {
		err = conn.QueryRow(ctx, samples).Scan(&got)
		return got, err
	})
	if err != nil {
		return 0, fmt.Errorf("choose a hash function: %w", err)
	}
	if s != d {
		return portable, nil
	}
	return fast, nil
}

// row is the hash of the row called t as an SQL expression, never null.
func (h hashing) row(t table) string {
	if h == portable {
		text := append([]string{joined(t.Columns)}, nulls(t.Columns)...)
		return `('x' || substr(md5(convert_to(` + strings.Join(text, ` || E'\x1f' || `) + `, 'UTF8')), 1, 16))::bit(64)::bigint`
	}
	return chained(t.Columns)
}

// chained hashes column by column, the hash of one being the seed of the next. It starts
// from masks of the nulls, which have the hash of a zero otherwise. Most columns are hashed
// as they are: writing an integer as text costs more than all the rest of its row.
// A column that is null against its definition makes the whole null, which is a zero here.
func chained(columns []column) string {
	hash := "0::bigint"
	for _, mask := range nulls(columns) {
		hash = fmt.Sprintf(directs["bigint"].hash, mask, hash)
	}
	for _, c := range columns {
		hash = c.hashed(hash)
	}
	return "coalesce(" + hash + ", 0)"
}

func (c column) hashed(seed string) string {
	value := "t." + quote(c.Name)
	d, ok := c.direct()
	switch {
	case !ok:
		return fmt.Sprintf(directs["text"].hash, "concat("+value+")", seed) // as the type writes it, and no text for null
	case c.Nullable:
		value = "coalesce(" + value + ", " + d.zero + ")"
	}
	return fmt.Sprintf(d.hash, value, seed)
}

// direct is how a value is hashed without writing it as text.
type direct struct{ hash, zero string } // hash takes the value and the seed

// directs are types whose hash tells every two values apart that their text does. (Those of
// numeric and jsonb do not: 1.0 is 1.00 to them. Those of bigint and the timestamps fold 64
// bits into 32, so a bigint is made part of the seed, of which every bit counts.)
var directs = map[string]direct{
	"smallint": {"hashint2extended(%s, %s)", "0::smallint"},
	"integer":  {"hashint4extended(%s, %s)", "0"},
	"bigint":   {"hashint4extended(0, %s # %s)", "0::bigint"},
	"oid":      {"hashoidextended(%s, %s)", "0::oid"},
	"uuid":     {"uuid_hash_extended(%s, %s)", "'00000000-0000-0000-0000-000000000000'::uuid"},
	"boolean":  {"hashint4extended((%s)::int, %s)", "false"},
	"text":     {`hashtextextended(%s COLLATE "C", %s)`, "''"},
	// Spaces at the end of a character(n) are filled up to n, and carry nothing.
	"character":         {`hashbpcharextended(%s COLLATE "C", %s)`, "''"},
	"character varying": {`hashtextextended(%s COLLATE "C", %s)`, "''"},
}

// direct goes by the type's name as the catalog writes it: types of other schemas come
// with their schema, and domains and arrays under their own names.
func (c column) direct() (direct, bool) {
	name, length, _ := strings.Cut(c.Type, "(")
	if length != "" && !strings.HasSuffix(length, ")") {
		return direct{}, false // an array
	}
	d, ok := directs[name]
	return d, ok
}

// joined is the columns' texts with a character in between that text hardly holds, nulls
// left out. It nests, because a function takes at most 100 arguments.
func joined(columns []column) string {
	const most = 90
	var groups []string
	for len(columns) > 0 {
		n := min(most, len(columns))
		names := make([]string, n)
		for i, c := range columns[:n] {
			names[i] = "t." + quote(c.Name)
		}
		groups = append(groups, `concat_ws(E'\x1f', `+strings.Join(names, ", ")+`)`)
		columns = columns[n:]
	}
	switch len(groups) {
	case 0:
		return `''`
	case 1:
		return groups[0]
	}
	return `concat_ws(E'\x1e', ` + strings.Join(groups, ", ") + `)`
}

// nulls are masks with a bit for each column that can be null.
func nulls(columns []column) []string {
	const bits = 63
	masks := []string{"0::bigint"}
	n := 0
	for _, c := range columns {
		if !c.Nullable {
			continue
		}
		if n > 0 && n%bits == 0 {
			masks = append(masks, "0::bigint")
		}
		masks[len(masks)-1] += fmt.Sprintf(" + CASE WHEN t.%s IS NULL THEN %d::bigint ELSE 0 END", quote(c.Name), int64(1)<<(n%bits))
		n++
	}
	for i, m := range masks {
		masks[i] = "(" + m + ")"
	}
	return masks
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }
