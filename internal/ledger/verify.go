package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/connfail"
	"github.com/lullhq/lull/internal/hint"
)

// Verdict is what the server holds of what a ledger wrote down.
type Verdict struct {
	Run   string `json:"run"`
	Acked int    `json:"acked"`
	Found int    `json:"found"` // of the acknowledged

	Lost    Numbers `json:"lost"`                // acknowledged, and not there
	Doubled Numbers `json:"doubled"`             // there more than once
	Changed Numbers `json:"changed"`             // there with another sequence value than the client was told
	Revived Numbers `json:"revived"`             // failed by the server's own word, and there
	SameSeq Numbers `json:"same_sequence_value"` // there with a sequence value that another row has too

	// Not wrong: nobody was told how these ended.
	UnknownThere    int `json:"unknown_there"`
	UnknownNotThere int `json:"unknown_not_there"`
	Unrecorded      int `json:"unrecorded"` // there, but not in the file: a killed ledger leaves some
}

// Numbers are some transactions: all of them counted, the first of them named.
type Numbers struct {
	Count int      `json:"count"`
	First []Number `json:"first,omitempty"`
}

const keptNumbers = 100

func (n *Numbers) add(x Number) {
	n.Count++
	if len(n.First) < keptNumbers {
		n.First = append(n.First, x)
	}
}

// Sound says that every acknowledged commit is there, once, as it was acknowledged.
func (v Verdict) Sound() bool {
	return v.Lost.Count+v.Doubled.Count+v.Changed.Count+v.Revived.Count+v.SameSeq.Count == 0
}

// Verify looks every commit that the file holds up on the server.
func Verify(ctx context.Context, dsn, path string) (Verdict, error) {
	f, err := readFile(path)
	if err != nil {
		return Verdict{}, hint.Wrap(err, "name the file that lull ledger wrote")
	}
	config, err := connConfig(dsn)
	if err != nil {
		return Verdict{}, err
	}
	rows, err := fetch(ctx, config, f.header.Run)
	if err != nil {
		return Verdict{}, hint.Wrap(fmt.Errorf("look up the ledger's commits: %w", err), "name the database that the ledger wrote to")
	}
	return judge(f, rows), nil
}

// row is one of the table's.
type row struct {
	Client int
	N, Seq int64
}

// fetch reads the rows themselves, never an index: one that lost entries would hide rows, and
// one that is unique would hide doubled ones.
func fetch(ctx context.Context, config *pgx.ConnConfig, run string) (out []row, err error) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to database %s at %s:%d: %w", config.Database, config.Host, config.Port, connfail.Short(err))
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, path := range []string{"enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan"} {
			if _, err := tx.Exec(ctx, "SET LOCAL "+path+" = off"); err != nil {
				return err
			}
		}
		rows, err := tx.Query(ctx, "SELECT client, n, seq FROM lull_ledger WHERE run = $1::uuid", run)
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(rows, pgx.RowToStructByPos[row])
		return err
	})
	return out, err
}

// judge holds the file against the rows.
func judge(f file, rows []row) Verdict {
	v := Verdict{Run: f.header.Run}
	there := map[Number]row{}
	owner := map[int64]Number{}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Or(cmp.Compare(a.Client, b.Client), cmp.Compare(a.N, b.N)) })
	for _, r := range rows {
		n := Number{r.Client, r.N}
		if _, twice := there[n]; twice {
			v.Doubled.add(n)
		} else if _, taken := owner[r.Seq]; taken {
			v.SameSeq.add(n)
		}
		there[n], owner[r.Seq] = r, n
	}
	for _, e := range f.entries {
		r, found := there[e.number()]
		v.settle(e, r, found)
		delete(there, e.number())
	}
	v.Unrecorded = len(there)
	return v
}

// settle compares what the client was told with what is there.
func (v *Verdict) settle(e entry, r row, found bool) {
	switch e.Outcome {
	case Acked:
		v.Acked++
		switch {
		case !found:
			v.Lost.add(e.number())
		case r.Seq != e.Seq:
			v.Found++
			v.Changed.add(e.number())
		default:
			v.Found++
		}
	case Failed:
		if found {
			v.Revived.add(e.number())
		}
	case Unknown:
		if found {
			v.UnknownThere++
		} else {
			v.UnknownNotThere++
		}
	}
}
