package cluster

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Mark is a moment in a server's history, by which rows can be told that were written
// after it: the oldest transaction that was still running then.
//
// Every row that a snapshot taken at the mark did not see, and a later one does, was
// written by a transaction that ran at the mark or began after it. Its xmin is that
// transaction's id or the id of one of its subtransactions, which is given out later than
// its parent's: never one before the mark. So no new row is overlooked. The running
// transactions that a snapshot lists by name are of no use for a finer answer: it does
// not list their subtransactions. Some rows are taken for new that are not, when a
// transaction was open for long: they are brought over once more, and nothing is wrong.
//
// Freezing keeps a row's xmin (since 9.4). Ids are reused after four billion transactions,
// so a very old frozen row can look new, never a new one old: that would take two billion
// transactions since the mark, and the server refuses to write long before that.
//
// Rows that were deleted leave nothing to be seen. Whoever uses a mark counts.
type Mark string

// inReadOnly runs do in one snapshot, which takes no transaction id: the hold counts them.
func inReadOnly(ctx context.Context, conn *pgx.Conn, do func(pgx.Tx) error) error {
	return pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, do)
}

// takeMark is the mark of the transaction's own snapshot.
func takeMark(ctx context.Context, tx pgx.Tx) (m Mark, err error) {
	err = tx.QueryRow(ctx, `SELECT (txid_snapshot_xmin(txid_current_snapshot()) & 4294967295)::text`).Scan(&m)
	if err != nil {
		return "", fmt.Errorf("read the oldest transaction: %w", err)
	}
	return m, nil
}

// since is the condition for rows written after the mark. The age of the mark is asked
// for once a query; that of a row that can be seen is at least 1.
func (m Mark) since(row string) string {
	return `age(` + row + `.xmin) BETWEEN 1 AND (SELECT age(` + Literal(string(m)) + `::xid))`
}
