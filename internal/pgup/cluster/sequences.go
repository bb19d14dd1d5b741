package cluster

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Sequences are the sequences of a database, held by parallel slices so that they travel in one parameter each.
type Sequences struct {
	names  []string
	read   string
	values []int64
	called []bool
}

const setSequences = `SELECT setval(s.name::regclass, s.value, s.called)
	FROM unnest($1::text[], $2::bigint[], $3::bool[]) AS s(name, value, called)`

// PrepareSequences lists the sequences of the source and prepares reading and setting them.
func PrepareSequences(ctx context.Context, source, target *pgx.Conn) (*Sequences, error) {
	rows, err := source.Query(ctx, `SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind = 'S' AND c.relpersistence = 'p' AND n.nspname !~ '^pg_' ORDER BY 1`)
	if err != nil {
		return nil, fmt.Errorf("list the sequences: %w", err)
	}
	s := &Sequences{}
	if s.names, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		return nil, fmt.Errorf("list the sequences: %w", err)
	}
	if len(s.names) == 0 {
		return s, nil
	}
	parts := make([]string, len(s.names))
	for i, name := range s.names { // quoted by the server above
		parts[i] = fmt.Sprintf("SELECT %d, last_value, is_called FROM %s", i, name)
	}
	s.read = strings.Join(parts, " UNION ALL ")
	if _, err := source.Prepare(ctx, "lull_read_sequences", s.read); err != nil {
		return nil, fmt.Errorf("prepare reading the sequences: %w", err)
	}
	if _, err := target.Prepare(ctx, "lull_set_sequences", setSequences); err != nil {
		return nil, fmt.Errorf("prepare setting the sequences: %w", err)
	}
	return s, nil
}

// Len is how many there are.
func (s *Sequences) Len() int { return len(s.names) }

// Carry reads every sequence's exact state on the source and sets it on the target.
func (s *Sequences) Carry(ctx context.Context, source, target *pgx.Conn) error {
	if len(s.names) == 0 {
		return nil
	}
	rows, err := source.Query(ctx, "lull_read_sequences")
	if err != nil {
		return fmt.Errorf("read the sequences: %w", err)
	}
	s.values, s.called = make([]int64, len(s.names)), make([]bool, len(s.names))
	var n int
	var value int64
	var called bool
	if _, err := pgx.ForEachRow(rows, []any{&n, &value, &called}, func() error {
		s.values[n], s.called[n] = value, called
		return nil
	}); err != nil {
		return fmt.Errorf("read the sequences: %w", err)
	}
	if _, err := target.Exec(ctx, "lull_set_sequences", s.names, s.values, s.called); err != nil {
		return fmt.Errorf("set the sequences on the target: %w", err)
	}
	return nil
}
