package cluster

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Setting is one that was changed from its default, wherever that was done.
type Setting struct {
	Name  string
	Value string
}

// ChangedSettings lists the server-wide settings that are not at their defaults.
// Units are left out of the value: SHOW gives it with its unit.
func ChangedSettings(ctx context.Context, conn *pgx.Conn) ([]Setting, error) {
	rows, err := conn.Query(ctx, `SELECT name, current_setting(name) FROM pg_settings
		WHERE source IN ('configuration file', 'command line', 'environment variable', 'global')
		  AND context NOT IN ('internal') ORDER BY 1`)
	if err != nil {
		return nil, fmt.Errorf("list the changed settings: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Setting])
}

// AccessRules are the contents of the server's pg_hba.conf and pg_ident.conf.
func AccessRules(ctx context.Context, conn *pgx.Conn) (hba, ident string, err error) {
	err = conn.QueryRow(ctx, `SELECT pg_read_file(current_setting('hba_file')),
		coalesce(pg_read_file(current_setting('ident_file'), 0, 1048576, true), '')`).Scan(&hba, &ident)
	if err != nil {
		return "", "", fmt.Errorf("read the access rules of the server: %w", err)
	}
	return hba, ident, nil
}
