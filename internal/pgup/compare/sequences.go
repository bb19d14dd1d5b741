package compare

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Sequence is where a sequence stands on both sides; nil where it does not exist.
type Sequence struct {
	Name   string `json:"name"`
	Source *Value `json:"source"`
	Target *Value `json:"target"`
}

// Value is a sequence's state, as setval takes it.
type Value struct {
	Last   int64 `json:"last_value"`
	Called bool  `json:"is_called"`
}

// Equal is true when both sides will give the same number next.
func (s Sequence) Equal() bool {
	return s.Source != nil && s.Target != nil && *s.Source == *s.Target
}

// Sequences reads every sequence on both sides, from the sequence itself: pg_sequences
// shows nothing of one that was never called.
func Sequences(ctx context.Context, src, dst *pgx.Conn) ([]Sequence, error) {
	source, target, err := both(ctx, src, dst, values)
	if err != nil {
		return nil, fmt.Errorf("compare sequences: %w", err)
	}
	found := map[string]*Sequence{}
	at := func(name string) *Sequence {
		if found[name] == nil {
			found[name] = &Sequence{Name: name}
		}
		return found[name]
	}
	for name, v := range source {
		at(name).Source = &v
	}
	for name, v := range target {
		at(name).Target = &v
	}
	out := make([]Sequence, 0, len(found))
	for _, s := range found {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b Sequence) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

func values(ctx context.Context, conn *pgx.Conn) (map[string]Value, error) {
	rows, err := conn.Query(ctx, `SELECT `+relationName+` FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND `+userSchema)
	if err != nil {
		return nil, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	const atOnce = 100 // each takes a lock until the statement ends
	out := map[string]Value{}
	for part := range slices.Chunk(names, atOnce) {
		if err := read(ctx, conn, part, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func read(ctx context.Context, conn *pgx.Conn, names []string, out map[string]Value) error {
	parts := make([]string, len(names))
	for i, name := range names { // quoted by the server
		parts[i] = fmt.Sprintf("SELECT %d, last_value, is_called FROM %s", i, name)
	}
	rows, err := conn.Query(ctx, strings.Join(parts, " UNION ALL "), pgx.QueryExecModeExec)
	if err != nil {
		return err
	}
	var i int
	var v Value
	_, err = pgx.ForEachRow(rows, []any{&i, &v.Last, &v.Called}, func() error {
		out[names[i]] = v
		return nil
	})
	return err
}
