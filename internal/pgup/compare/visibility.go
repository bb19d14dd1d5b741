package compare

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// Visibility is how much of a table is marked as visible to all, without which an
// index-only scan reads the table as well.
type Visibility struct {
	Relation    string  `json:"relation"` // as VACUUM takes it
	Pages       int64   `json:"pages"`    // on the target
	SourceShare float64 `json:"source_share"`
	TargetShare float64 `json:"target_share"`
}

// String is one line for the operator.
func (v Visibility) String() string {
	return fmt.Sprintf("%s: %.0f %% of its pages are marked visible, %.0f %% on the source", v.Relation, 100*v.TargetShare, 100*v.SourceShare)
}

// VisibilityMap lists the tables of which the target has marked far less as visible to
// all than the source. One query a side.
//
// The figure is pg_class.relallvisible: a count of the map made by the last VACUUM or
// ANALYZE, and what the planner goes by. Marks that were cleared since do not show, on
// either side. It is set against the pages that the table has now, so a table that was
// vacuumed and filled after that counts as not marked. VACUUM on the target settles it: a
// table whose rows clients change faster than any VACUUM marks them has no marks on either
// side but by chance, so one that was just vacuumed is as good as it gets.
func VisibilityMap(ctx context.Context, src, dst *pgx.Conn) ([]Visibility, error) {
	source, target, err := both(ctx, src, dst, visibility)
	if err != nil {
		return nil, fmt.Errorf("compare visibility maps: %w", err)
	}
	if version, err := major(dst); err != nil || version >= cumulative || len(shorter(source, target)) == 0 {
		return shorter(source, target), err
	}
	select { // what was vacuumed just now is told by messages
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-time.After(late):
	}
	if target, err = visibility(ctx, dst); err != nil {
		return nil, fmt.Errorf("compare visibility maps: ask the target: %w", err)
	}
	return shorter(source, target), nil
}

// Before cumulative statistics the counters of a session's work were seen by others half a second later (manual of 14,
// "The Statistics Collector").
const (
	cumulative = 15
	late       = time.Second
)

func shorter(source, target map[string]marks) (out []Visibility) {
	for name, t := range target {
		s, ok := source[name]
		if ok && short(s, t) {
			out = append(out, Visibility{Relation: name, Pages: t.pages, SourceShare: s.share(), TargetShare: t.share()})
		}
	}
	slices.SortFunc(out, func(a, b Visibility) int { return cmp.Compare(a.Relation, b.Relation) })
	return out
}

// marks are the pages of a table, and those of them that are visible to all.
type marks struct {
	pages, visible int64
	fresh          bool // it was vacuumed a moment ago, and has not become another since
}

func (m marks) share() float64 {
	if m.pages == 0 {
		return 0
	}
	return float64(min(m.visible, m.pages)) / float64(m.pages)
}

// short is true when the target has less than half the source's share, and that makes a
// difference of at least a megabyte. A table that changes all the time has fewer marks
// at one moment than at another; one that was never vacuumed has none.
func short(source, target marks) bool {
	const little = 128 // pages
	expected := source.share() * float64(target.pages)
	return !target.fresh && target.share() < source.share()/2 && expected-float64(target.visible) >= little
}

func visibility(ctx context.Context, conn *pgx.Conn) (map[string]marks, error) {
	rows, err := conn.Query(ctx, `SELECT `+relationName+`, c.relallvisible::bigint,
			greatest(c.relpages, coalesce(pg_relation_size(c.oid), 0) / current_setting('block_size')::bigint)::bigint,
			coalesce(greatest(s.last_vacuum, s.last_autovacuum) > clock_timestamp() - interval '5 minutes', false)
				AND 2 * c.relpages::bigint >= coalesce(pg_relation_size(c.oid), 0) / current_setting('block_size')::bigint
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
		WHERE c.relkind IN ('r','m') AND c.relpersistence <> 't' AND `+userSchema)
	if err != nil {
		return nil, err
	}
	out := map[string]marks{}
	var name string
	var m marks
	_, err = pgx.ForEachRow(rows, []any{&name, &m.visible, &m.pages, &m.fresh}, func() error {
		out[name] = m
		return nil
	})
	return out, err
}
