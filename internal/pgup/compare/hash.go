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
	// fast: hashtextextended, from 11 on. Its function (Jenkins' lookup3) has not changed
	// since; agree makes sure.
	fast hashing = iota
	// portable: the first half of md5 over UTF-8, at five times the cost, for a source
	// before 11, other byte orders and other encodings.
	portable
)

// agree chooses what gives the same on both sides, by trying.
func agree(ctx context.Context, src, dst *pgx.Conn, lowest int) (hashing, error) {
	if lowest < 11 {
		return portable, nil
	}
	s, d, err := both(ctx, src, dst, func(ctx context.Context, conn *pgx.Conn) (probe [2]string, err error) {
		err = conn.QueryRow(ctx, `SELECT hashtextextended('Lull' COLLATE "C", 13)::text, current_setting('server_encoding')`).Scan(&probe[0], &probe[1])
		return probe, err
	})
	if err != nil {
		return 0, fmt.Errorf("choose a hash function: %w", err)
	}
	if s != d {
		return portable, nil
	}
	return fast, nil
}

// row is the hash of the row called t as an SQL expression. The columns' texts are
// joined by a character that text hardly holds; a mask of the nulls goes in as the seed,
// because concat_ws leaves them out.
func (h hashing) row(t table) string {
	text, mask := joined(t.Columns), nulls(t.Columns)
	if h == portable {
		return `('x' || substr(md5(convert_to(` + text + ` || E'\x1f' || ` + mask + `, 'UTF8')), 1, 16))::bit(64)::bigint`
	}
	return `hashtextextended(` + text + ` COLLATE "C", ` + mask + `)`
}

// joined nests, because a function takes at most 100 arguments.
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

// nulls has a bit for each column that can be null. Beyond 57 they share them: the sum
// over the most columns that a table can have (1600) stays below 64 bits.
func nulls(columns []column) string {
	const bits = 57
	terms := []string{"0::bigint"}
	n := 0
	for _, c := range columns {
		if !c.Nullable {
			continue
		}
		terms = append(terms, fmt.Sprintf("CASE WHEN t.%s IS NULL THEN %d::bigint ELSE 0 END", quote(c.Name), int64(1)<<(n%bits)))
		n++
	}
	return "(" + strings.Join(terms, " + ") + ")"
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }
