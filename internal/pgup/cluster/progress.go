package cluster

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// BackupProgress reads how far a base backup labelled by anyone is (manual, section 27.4.6; from 13 on).
// While the server estimates the size, total is 0.
func BackupProgress(ctx context.Context, conn *pgx.Conn) (done, total float64, phase string, ok bool) {
	err := conn.QueryRow(ctx, `SELECT backup_streamed, coalesce(backup_total, 0), phase FROM pg_stat_progress_basebackup LIMIT 1`).Scan(&done, &total, &phase)
	return done, total, phase, err == nil
}
