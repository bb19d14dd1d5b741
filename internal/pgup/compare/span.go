package compare

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// span is a range of a table by its key, or by the first columns of it: beyond from, up to and including to; nil is open.
//
// The sides may sort text differently, by their C libraries. The spans of a table follow
// each other from end to end, so on the target too every row lies in one of them at
// least; what lies in another one there is found by its key.
type span struct{ from, to []string }

// digest is the sum of the hashes of some rows.
type digest struct {
	rows int64
	sum  string
}

// String is what parseDigest reads.
func (d digest) String() string { return strconv.FormatInt(d.rows, 10) + " " + d.sum }

// parseDigest takes no text for no rows.
func parseDigest(s string) (d digest) {
	rows, sum, _ := strings.Cut(s, " ")
	d.rows, _ = strconv.ParseInt(rows, 10, 64)
	d.sum = sum
	return d
}

// keyNames are the first n columns of the key.
func (t table) keyNames(n int) string {
	names := make([]string, n)
	for i, k := range t.Key[:n] {
		names[i] = "t." + quote(k.Name)
	}
	return strings.Join(names, ", ")
}

// keyText is the key as an array of texts.
func (t table) keyText() string {
	names := make([]string, len(t.Key))
	for i, k := range t.Key {
		names[i] = "t." + quote(k.Name) + "::text"
	}
	return "ARRAY[" + strings.Join(names, ", ") + "]"
}

// bound is one side of a span as a condition. The arguments start after the first n.
func (t table) bound(operator string, key []string, n int) (string, []any) {
	values := make([]string, len(key))
	args := make([]any, len(key))
	for i, k := range key {
		values[i] = fmt.Sprintf("$%d::text::%s", n+i+1, t.Key[i].Type)
		args[i] = k
	}
	return "(" + t.keyNames(len(key)) + ") " + operator + " (" + strings.Join(values, ", ") + ")", args
}

func (t table) within(s span) (string, []any) {
	where, args := "true", []any{pgx.QueryExecModeExec}
	if s.from != nil {
		sql, more := t.bound(">", s.from, 0)
		where, args = sql, append(args, more...)
	}
	if s.to != nil {
		sql, more := t.bound("<=", s.to, len(args)-1)
		where, args = where+" AND "+sql, append(args, more...)
	}
	return where, args
}

// digest reads a span in one statement.
func (l layout) digest(ctx context.Context, conn *pgx.Conn, t table, s span) (d digest, err error) {
	where, args := t.within(s)
	err = conn.QueryRow(ctx, `SELECT count(*), coalesce(sum(`+l.hash.row(t)+`), 0)::text FROM ONLY `+t.String()+` t WHERE `+where, args...).Scan(&d.rows, &d.sum)
	return d, err
}

// id is a key as one text.
func id(key []string) string { return strings.Join(key, "\x00") }

// list reads the hash of every row of a span, by key.
func (l layout) list(ctx context.Context, conn *pgx.Conn, t table, s span) (map[string]string, error) {
	where, args := t.within(s)
	rows, err := conn.Query(ctx, `SELECT `+t.keyText()+`, (`+l.hash.row(t)+`)::text FROM ONLY `+t.String()+` t WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	var key []string
	var hash string
	_, err = pgx.ForEachRow(rows, []any{&key, &hash}, func() error {
		out[id(key)] = hash
		return nil
	})
	return out, err
}

// find reads the rows with these keys. Their version changes with every change, also
// with one that is taken back.
func (l layout) find(ctx context.Context, conn *pgx.Conn, t table, keys [][]string) (map[string]sighting, error) {
	args := []any{pgx.QueryExecModeExec}
	var arrays, names, on []string
	for i, k := range t.Key {
		column := make([]string, len(keys))
		for n, key := range keys {
			column[n] = key[i]
		}
		args = append(args, column)
		arrays = append(arrays, fmt.Sprintf("$%d::text[]", i+1))
		names = append(names, fmt.Sprintf("k%d", i))
		on = append(on, fmt.Sprintf("t.%s = q.k%d::%s", quote(k.Name), i, k.Type))
	}
	rows, err := conn.Query(ctx, `SELECT `+t.keyText()+`, (`+l.hash.row(t)+`)::text, t.xmin::text || t.ctid::text
		FROM unnest(`+strings.Join(arrays, ", ")+`) q(`+strings.Join(names, ", ")+`) JOIN ONLY `+t.String()+` t ON `+strings.Join(on, " AND "), args...)
	if err != nil {
		return nil, err
	}
	out := map[string]sighting{}
	var key []string
	var s sighting
	_, err = pgx.ForEachRow(rows, []any{&key, &s.value, &s.version}, func() error {
		out[id(key)] = s
		return nil
	})
	return out, err
}

// buckets spread the rows of a table without a key, so that the ones in flight spoil few.
const buckets = 4096

// scatter reads a whole table in one statement, its digest by bucket.
func (l layout) scatter(ctx context.Context, conn *pgx.Conn, t table) (map[string]digest, error) {
	rows, err := conn.Query(ctx, `SELECT (h & `+strconv.Itoa(buckets-1)+`)::text, count(*), sum(h)::text
		FROM (SELECT `+l.hash.row(t)+` AS h FROM ONLY `+t.String()+` t) q GROUP BY 1`, pgx.QueryExecModeExec)
	if err != nil {
		return nil, err
	}
	out := map[string]digest{}
	var bucket string
	var d digest
	_, err = pgx.ForEachRow(rows, []any{&bucket, &d.rows, &d.sum}, func() error {
		out[bucket] = d
		return nil
	})
	return out, err
}
