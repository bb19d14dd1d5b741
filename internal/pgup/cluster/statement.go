package cluster

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Statement is one that a server has spent time on. Its text is as it was sent; where the server itself
// keeps it, with $1, $2 and so on for its values.
type Statement struct {
	ID       int64 // the server's own number of it (queryid), or one that follows from database, user and shape
	Database string
	User     string
	Text     string
	Calls    int64
	Total    float64 // ms; of those that were only seen at work, how often
}

// Top lists the statements in the databases that took most of the server's time, but for
// those of the session's own role. It is empty where the meter is blind.
func (m *Meter) Top(ctx context.Context, databases []string, most int) ([]Statement, error) {
	if m.blind != "" {
		return nil, nil
	}
	rows, err := m.conn.Query(ctx, m.top, databases, most)
	if err != nil {
		return nil, fmt.Errorf("read the statements that take most time: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Statement])
	if err != nil {
		return nil, fmt.Errorf("read the statements that take most time: %w", err)
	}
	return all, nil
}

// Heard is what is known of the statements of a server that keeps no statistics of them.
type Heard struct {
	Statements []Statement // those that weigh most first
	// From says where they come from and what was left out there, or why there are none, for people.
	From string
}

// tally brings statements together that are one but for their values.
type tally map[[32]byte]*tallied

type tallied struct {
	Statement
	longest float64 // what the one weighs whose text is kept
}

func (t tally) add(database, user, text string, weight float64) {
	key := identity(database, user, Shape(text))
	s := t[key]
	if s == nil {
		s = &tallied{Statement: Statement{ID: int64(binary.BigEndian.Uint64(key[:8])), Database: database, User: user}, longest: -1}
		t[key] = s
	}
	if weight > s.longest {
		s.Text, s.longest = strings.Clone(text), weight
	}
	s.Calls++
	s.Total += weight
}

// top lists those that weigh most.
func (t tally) top(most int) []Statement {
	out := make([]Statement, 0, len(t))
	for _, s := range t {
		out = append(out, s.Statement)
	}
	slices.SortFunc(out, func(a, b Statement) int { return cmp.Or(-cmp.Compare(a.Total, b.Total), cmp.Compare(a.ID, b.ID)) })
	return out[:min(most, len(out))]
}
