package compare

import (
	"context"
	"fmt"
	"regexp"
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
	hashbpcharextended('Lull ' COLLATE "C", 13), hash_numeric_extended(-470.0, 13), hashfloat8extended(-4.25, 13), uuid_hash_extended('f5a7d0c6-0c2b-4a8e-9d43-6e1f0b6f2a11', 13), current_setting('server_encoding'))`

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

// directs are types whose hash tells every two values apart that their text does. Those of
// bigint and the timestamps fold 64 bits into 32, so a bigint is made part of the seed, of
// which every bit counts, and a timestamp is hashed as its seconds (see instant). That of
// numeric sees neither the sign nor zeros at the end (src/backend/utils/adt/numeric.c,
// hash_numeric_extended), so both are hashed beside it. (That of jsonb does not see the zeros
// either, and cannot be helped.)
var directs = map[string]direct{
	"smallint": {"hashint2extended(%[1]s, %[2]s)", "0::smallint"},
	"integer":  {"hashint4extended(%[1]s, %[2]s)", "0"},
	"bigint":   {"hashint4extended(0, %[1]s # %[2]s)", "0::bigint"},
	"oid":      {"hashoidextended(%[1]s, %[2]s)", "0::oid"},
	"uuid":     {"uuid_hash_extended(%[1]s, %[2]s)", "'00000000-0000-0000-0000-000000000000'::uuid"},
	"boolean":  {"hashint4extended((%[1]s)::int, %[2]s)", "false"},
	"text":     {`hashtextextended(%[1]s COLLATE "C", %[2]s)`, "''"},
	// Spaces at the end of a character(n) are filled up to n, and carry nothing.
	"character":         {`hashbpcharextended(%[1]s COLLATE "C", %[2]s)`, "''"},
	"character varying": {`hashtextextended(%[1]s COLLATE "C", %[2]s)`, "''"},
	// Without a scale are NaN and, from 14 on, the infinities.
	"numeric": {"hashint4extended(coalesce(scale(%[1]s) * 2 + (%[1]s < 0)::int, CASE WHEN %[1]s = 'NaN' THEN -1 WHEN %[1]s < 0 THEN -2 ELSE -3 END), hash_numeric_extended(%[1]s, %[2]s))", "0::numeric"},
	// No date lies so far from 2000 that the difference is one of the two that stand for infinity.
	"date":                        {"hashint4extended(CASE WHEN isfinite(%[1]s) THEN %[1]s - '2000-01-01'::date WHEN %[1]s > '2000-01-01' THEN 2147483647 ELSE -2147483647 END, %[2]s)", "'2000-01-01'::date"},
	"timestamp with time zone":    instant("timestamptz"),
	"timestamp without time zone": instant("timestamp"),
}

// instant hashes seconds as a float, whose 53 bits hold every microsecond from 1700 to 2240.
// Outside of that the place within the minute is hashed as well.
func instant(kind string) direct {
	return direct{`hashfloat8extended(CASE WHEN %[1]s > '1700-01-01'::` + kind + ` AND %[1]s < '2240-01-01'::` + kind + ` THEN 0 ELSE coalesce(date_part('microseconds', %[1]s), 0) END, ` +
		`hashfloat8extended(date_part('epoch', %[1]s), %[2]s))`, `'2000-01-01'::` + kind}
}

// scaled is a numeric with a scale, and so without zeros at the end that another of the same type lacks.
var scaled = regexp.MustCompile(`^numeric\(\d+,-?\d+\)$`)

// ofScale hashes one of those: only the sign is missing.
var ofScale = direct{"hash_numeric_extended(%[1]s, %[2]s # (%[1]s < 0)::int)", "0::numeric"}

// direct goes by the type's name as the catalog writes it: types of other schemas come
// with their schema, and domains and arrays under their own names.
func (c column) direct() (direct, bool) {
	if scaled.MatchString(c.Type) {
		return ofScale, true
	}
	name, rest, _ := strings.Cut(c.Type, "(")
	_, rest, _ = strings.Cut(rest, ")") // timestamp(3) with time zone; of an array [] is left
	d, ok := directs[name+rest]
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
