package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Unlogged brings the unlogged tables of a database from one server to another. They are
// not in the WAL, so they arrive empty and nothing replicates them.
//
// Each pass but the first looks what happened since the one before, by the mark of its
// snapshot. A table in which every row from before the mark is still there was only added
// to: the new rows are enough. Anything else means the whole table once more. Inside a
// fence the same pass is made again.
type Unlogged struct {
	tables  []unlogged
	emptied bool
}

// UnloggedTable is one that has rows of its own.
type UnloggedTable struct {
	Schema, Name string
	Bytes        int64 // with its indexes
	Columns      []string
	Refers       []uint32 // tables that its foreign keys refer to
	OID          uint32
}

func (t UnloggedTable) String() string { return t.Schema + "." + t.Name }

// unlogged is a table and what the pass before left on the other side.
type unlogged struct {
	UnloggedTable
	mark Mark  // "" = not known what is there
	old  int64 // its rows from before the mark
}

// UnloggedTables lists them. Views and partitioned tables have no rows of their own, and
// there are no unlogged materialized views.
func UnloggedTables(ctx context.Context, conn *pgx.Conn) ([]UnloggedTable, error) {
	generated := "true"
	if major(conn) >= 12 {
		generated = "a.attgenerated = ''"
	}
	rows, err := conn.Query(ctx, `
		SELECT n.nspname, c.relname, pg_total_relation_size(c.oid),
		       ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND `+generated+` ORDER BY a.attnum),
		       ARRAY(SELECT k.confrelid FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f'), c.oid
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind = 'r' AND c.relpersistence = 'u' AND n.nspname !~ '^pg_' ORDER BY 1, 2`)
	if err != nil {
		return nil, fmt.Errorf("list the unlogged tables: %w", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t UnloggedTable, err error) {
		return t, row.Scan(&t.Schema, &t.Name, &t.Bytes, &t.Columns, &t.Refers, &t.OID)
	})
	if err != nil {
		return nil, fmt.Errorf("list the unlogged tables: %w", err)
	}
	return all, nil
}

// NewUnlogged begins with nothing known of the other side.
func NewUnlogged(tables []UnloggedTable) *Unlogged {
	u := &Unlogged{}
	for _, t := range tables {
		u.tables = append(u.tables, unlogged{UnloggedTable: t})
	}
	return u
}

// Len is how many there are.
func (u *Unlogged) Len() int { return len(u.tables) }

// look is what a pass found in a table.
type look struct {
	next  Mark
	old   int64 // rows from before the last mark that are still there
	added int64 // rows since
	fresh int64 // rows since the next mark: the pass takes them, and the next one would take them for new
	rows  int64
	whole bool
}

// Pass makes the tables on the other side equal to those here as they are now. Both
// connections must be in the same database and prepared with PreparePipe, and nobody else
// may change the other side.
func (u *Unlogged) Pass(ctx context.Context, from, to *pgx.Conn) (m Moved, err error) {
	err = inReadOnly(ctx, from, func(tx pgx.Tx) error {
		looks, err := u.look(ctx, tx)
		if err != nil {
			return err
		}
		u.widen(looks)
		if m, err = u.bring(ctx, from, to, looks); err != nil {
			return err
		}
		for i, l := range looks {
			u.tables[i].mark, u.tables[i].old = l.next, l.rows-l.fresh
			if l.fresh > 0 {
				u.tables[i].mark = ""
			}
		}
		return nil
	})
	if err != nil {
		for i := range u.tables { // how much of it got there is not known
			u.tables[i].mark = ""
		}
		return m, fmt.Errorf("bring unlogged tables over: %w", err)
	}
	return m, nil
}

func (u *Unlogged) look(ctx context.Context, tx pgx.Tx) ([]look, error) {
	next, err := takeMark(ctx, tx)
	if err != nil {
		return nil, err
	}
	out := make([]look, len(u.tables))
	for i, t := range u.tables {
		l := look{next: next}
		since := "true"
		if t.mark != "" {
			since = t.mark.since("t")
		}
		err := tx.QueryRow(ctx, `SELECT count(*), count(*) FILTER (WHERE `+since+`), count(*) FILTER (WHERE `+next.since("t")+`) FROM ONLY `+Ident(t.Schema, t.Name)+` t`).
			Scan(&l.rows, &l.added, &l.fresh)
		if err != nil {
			return nil, fmt.Errorf("look at unlogged table %s: %w", t, err)
		}
		l.old = l.rows - l.added
		l.whole = t.mark == "" || l.old != t.old
		out[i] = l
	}
	return out, nil
}

// widen takes the tables along that refer to one that is emptied: they are emptied in one command.
func (u *Unlogged) widen(looks []look) {
	for again := true; again; {
		again = false
		for i, t := range u.tables {
			if !looks[i].whole && slices.ContainsFunc(t.Refers, func(oid uint32) bool { return u.isEmptied(oid, looks) }) {
				looks[i].whole, again = true, true
			}
		}
	}
}

func (u *Unlogged) isEmptied(oid uint32, looks []look) bool {
	i := slices.IndexFunc(u.tables, func(t unlogged) bool { return t.OID == oid })
	return i >= 0 && looks[i].whole
}

// bring is one transaction on the other side: never half of a table.
func (u *Unlogged) bring(ctx context.Context, from, to *pgx.Conn, looks []look) (m Moved, err error) {
	var empty []string
	for i, l := range looks {
		if l.whole {
			empty = append(empty, "ONLY "+Ident(u.tables[i].Schema, u.tables[i].Name))
		}
	}
	err = pgx.BeginFunc(ctx, to, func(tx pgx.Tx) error {
		if len(empty) > 0 {
			if _, err := tx.Exec(ctx, "TRUNCATE "+strings.Join(empty, ", ")); err != nil {
				return fmt.Errorf("empty unlogged tables: %w", err)
			}
		}
		for i, l := range looks {
			n, err := u.tables[i].bring(ctx, from, to, l)
			if err != nil {
				return err
			}
			m = m.Plus(n)
		}
		return nil
	})
	return m, err
}

func (t unlogged) bring(ctx context.Context, from, to *pgx.Conn, l look) (m Moved, err error) {
	if l.rows == 0 || !l.whole && l.added == 0 {
		return m, nil
	}
	columns := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		columns[i] = Ident(c)
	}
	list := strings.Join(columns, ", ")
	query := "SELECT " + list + " FROM ONLY " + Ident(t.Schema, t.Name) + " t"
	if !l.whole {
		query += " WHERE " + t.mark.since("t")
	}
	into := Ident(t.Schema, t.Name)
	if len(columns) > 0 {
		into += " (" + list + ")"
	}
	m.Bytes, err = pipe(ctx, from, to, query, into, asText)
	m.Items = 1
	return m, err
}

// Empty makes the tables on the other side empty, once: nobody fills them there.
func (u *Unlogged) Empty(ctx context.Context, _, to *pgx.Conn) (m Moved, err error) {
	if u.emptied {
		return m, nil
	}
	names := make([]string, len(u.tables))
	for i, t := range u.tables {
		names[i] = "ONLY " + Ident(t.Schema, t.Name)
	}
	if _, err := to.Exec(ctx, "TRUNCATE "+strings.Join(names, ", ")); err != nil {
		return m, fmt.Errorf("empty unlogged tables: %w", err)
	}
	u.emptied = true
	return m, nil
}
