package cluster

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
)

// Estimate is how much there is that no replication carries, and how long a hold will
// take for it, by what reading takes now. The passes before the hold measure it.
type Estimate struct {
	Items int64
	Bytes int64
	Takes time.Duration
}

// EstimateLargeObjects measures the look for pages that were written since a moment ago, on 400 MB of them at most.
func EstimateLargeObjects(ctx context.Context, conn *pgx.Conn) (e Estimate, err error) {
	err = inReadOnly(ctx, conn, func(tx pgx.Tx) error {
		mark, err := takeMark(ctx, tx)
		if err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `SELECT (SELECT count(*) FROM pg_largeobject_metadata), pg_table_size('pg_largeobject')`).Scan(&e.Items, &e.Bytes)
		if err != nil || e.Items == 0 {
			return err
		}
		began := time.Now()
		const some = 200000 // pages of 2 kB
		_, err = tx.Exec(ctx, fmt.Sprintf(`SELECT DISTINCT loid FROM (SELECT loid, xmin FROM pg_largeobject LIMIT %d) p WHERE `, some)+mark.since("p"))
		e.Takes = time.Duration(float64(time.Since(began)) * max(1, float64(e.Bytes)/(2048*some)))
		return err
	})
	if err != nil {
		return e, fmt.Errorf("estimate the large objects: %w", err)
	}
	return e, nil
}

// writing is how many times as long as reading a row it may take to read it, write it and
// put it into indexes. It is a cautious guess: the passes before the hold measure it.
const writing = 4

// EstimateUnlogged reads some rows of each table and takes all of them to be alike.
func EstimateUnlogged(ctx context.Context, conn *pgx.Conn, tables []UnloggedTable) (e Estimate, err error) {
	e.Items = int64(len(tables))
	for _, t := range tables {
		var rows float64
		if err := conn.QueryRow(ctx, `SELECT reltuples FROM pg_class WHERE oid = $1`, t.OID).Scan(&rows); err != nil {
			return e, fmt.Errorf("estimate %s: %w", t, err)
		}
		const some = 20000
		began := time.Now()
		tag, err := conn.PgConn().CopyTo(ctx, io.Discard, fmt.Sprintf("COPY (SELECT * FROM ONLY %s LIMIT %d) TO STDOUT", Ident(t.Schema, t.Name), some))
		if err != nil {
			return e, fmt.Errorf("estimate %s: %w", t, err)
		}
		took := time.Since(began)
		if n := float64(tag.RowsAffected()); n == some && rows > n {
			took = time.Duration(float64(took) * rows / n)
		}
		e.Bytes, e.Takes = e.Bytes+t.Bytes, e.Takes+writing*took
	}
	return e, nil
}
