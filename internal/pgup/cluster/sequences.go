package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Sequences are the sequences of a database: those that tables own and the free-standing
// ones, logged or not. Temporary ones belong to a session. What is carried is the exact
// state, last_value and is_called: the next number over there is the one that would have
// come next here, whatever the increment, the cycle or the cache.
type Sequences struct {
	names []string
	parts []part
}

// part is read and set at once. Every sequence is locked while a statement works on it,
// and a server has room for a few thousand locks.
type part struct {
	names  []string
	values []int64
	called []bool
}

const sequencesAtOnce = 500

const setSequences = `SELECT setval(s.name::regclass, s.value, s.called)
	FROM unnest($1::text[], $2::bigint[], $3::bool[]) AS s(name, value, called)`

func readSequences(n int) string { return fmt.Sprintf("lull_read_sequences_%d", n) }

// PrepareSequences lists the sequences of one server and prepares reading them there and setting them on the other.
func PrepareSequences(ctx context.Context, from, to *pgx.Conn) (*Sequences, error) {
	rows, err := from.Query(ctx, `SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' ORDER BY 1`)
	if err != nil {
		return nil, fmt.Errorf("list the sequences: %w", err)
	}
	s := &Sequences{}
	if s.names, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		return nil, fmt.Errorf("list the sequences: %w", err)
	}
	for names := range slices.Chunk(s.names, sequencesAtOnce) {
		reads := make([]string, len(names))
		for i, name := range names { // quoted by the server above
			reads[i] = fmt.Sprintf("SELECT %d, last_value, is_called FROM %s", i, name)
		}
		if _, err := from.Prepare(ctx, readSequences(len(s.parts)), strings.Join(reads, " UNION ALL ")); err != nil {
			return nil, fmt.Errorf("prepare reading the sequences: %w", err)
		}
		s.parts = append(s.parts, part{names: names, values: make([]int64, len(names)), called: make([]bool, len(names))})
	}
	if len(s.names) == 0 {
		return s, nil
	}
	if _, err := to.Prepare(ctx, "lull_set_sequences", setSequences); err != nil {
		return nil, fmt.Errorf("prepare setting the sequences: %w", err)
	}
	return s, nil
}

// Len is how many there are.
func (s *Sequences) Len() int { return len(s.names) }

// Carry reads every sequence's exact state on one server and sets it on the other.
func (s *Sequences) Carry(ctx context.Context, from, to *pgx.Conn) error {
	for i, p := range s.parts {
		rows, err := from.Query(ctx, readSequences(i))
		if err != nil {
			return fmt.Errorf("read the sequences: %w", err)
		}
		var n int
		var value int64
		var called bool
		if _, err := pgx.ForEachRow(rows, []any{&n, &value, &called}, func() error {
			p.values[n], p.called[n] = value, called
			return nil
		}); err != nil {
			return fmt.Errorf("read the sequences: %w", err)
		}
		if _, err := to.Exec(ctx, "lull_set_sequences", p.names, p.values, p.called); err != nil {
			return fmt.Errorf("set the sequences on the other server: %w", err)
		}
	}
	return nil
}
