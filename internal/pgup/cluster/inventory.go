package cluster

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Database is one that is upgraded: it has something in it.
type Database struct {
	Name            string `json:"name"`
	OID             uint32 `json:"oid"`
	Bytes           int64  `json:"bytes"`
	ConnectionLimit int    `json:"connection_limit"`
	Tables          int    `json:"tables"`
}

// Inventory is what a server says of itself before anything is changed.
type Inventory struct {
	Version          int               `json:"version"` // server_version_num
	VersionText      string            `json:"version_text"`
	SystemIdentifier string            `json:"system_identifier"`
	Timeline         int               `json:"timeline"`
	Bootstrap        string            `json:"bootstrap"` // the role with OID 10, whom pg_upgrade connects as
	Superuser        bool              `json:"superuser"`
	InRecovery       bool              `json:"in_recovery"`
	Databases        []Database        `json:"databases"`
	Empty            []string          `json:"empty,omitempty"` // connectable databases with nothing in them
	Bytes            int64             `json:"bytes"`
	Encoding         string            `json:"encoding"`
	Collate          string            `json:"collate"`
	Ctype            string            `json:"ctype"`
	Settings         map[string]string `json:"settings"`
}

// Major is 13 of 130016.
func (i Inventory) Major() int { return i.Version / 10000 }

// Take asks the server for its inventory. The connection's database does not matter.
func Take(ctx context.Context, e Endpoint) (Inventory, error) {
	conn, err := e.Connect(ctx, "")
	if err != nil {
		return Inventory{}, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	inv := Inventory{Settings: map[string]string{}}
	if err := inv.server(ctx, conn); err != nil {
		return inv, fmt.Errorf("take inventory of the server: %w", err)
	}
	if err := inv.settings(ctx, conn); err != nil {
		return inv, fmt.Errorf("read the server's settings: %w", err)
	}
	if err := inv.databases(ctx, e, conn); err != nil {
		return inv, fmt.Errorf("list the databases: %w", err)
	}
	return inv, nil
}

func (i *Inventory) server(ctx context.Context, conn *pgx.Conn) error {
	return conn.QueryRow(ctx, `
		SELECT current_setting('server_version_num')::int, current_setting('server_version'),
		       (SELECT system_identifier::text FROM pg_control_system()),
		       (SELECT timeline_id FROM pg_control_checkpoint()),
		       (SELECT rolname FROM pg_roles WHERE oid = 10),
		       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user), pg_is_in_recovery(),
		       (SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'template0'),
		       (SELECT datcollate FROM pg_database WHERE datname = 'template0'),
		       (SELECT datctype FROM pg_database WHERE datname = 'template0')`).
		Scan(&i.Version, &i.VersionText, &i.SystemIdentifier, &i.Timeline, &i.Bootstrap, &i.Superuser, &i.InRecovery,
			&i.Encoding, &i.Collate, &i.Ctype)
}

func (i *Inventory) settings(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, `SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY($1)`, []string{
		"wal_level", "data_checksums", "wal_segment_size", "max_connections", "max_worker_processes", "max_wal_senders",
		"max_prepared_transactions", "max_locks_per_transaction", "max_replication_slots", "max_slot_wal_keep_size", "max_logical_replication_workers",
		"output_plugin_libraries", "hba_file", "ident_file", "data_directory", "shared_preload_libraries",
	})
	if err != nil {
		return err
	}
	var name, value string
	_, err = pgx.ForEachRow(rows, []any{&name, &value}, func() error {
		i.Settings[name] = value
		return nil
	})
	return err
}

func (i *Inventory) databases(ctx context.Context, e Endpoint, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, `SELECT datname, oid, pg_database_size(oid), datconnlimit FROM pg_database
		WHERE datallowconn AND NOT datistemplate ORDER BY oid`)
	if err != nil {
		return err
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Database, error) {
		var d Database
		return d, row.Scan(&d.Name, &d.OID, &d.Bytes, &d.ConnectionLimit)
	})
	if err != nil {
		return err
	}
	for _, d := range all {
		things, err := i.count(ctx, e, &d)
		if err != nil {
			return fmt.Errorf("database %s: %w", d.Name, err)
		}
		if i.Bytes += d.Bytes; things == 0 {
			i.Empty = append(i.Empty, d.Name)
			continue
		}
		i.Databases = append(i.Databases, d)
	}
	return nil
}

// count says how much of what changes is in the database: tables, sequences, large objects.
func (i *Inventory) count(ctx context.Context, e Endpoint, d *Database) (things int, err error) {
	conn, err := e.Connect(ctx, d.Name)
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var sequences, objects int
	err = conn.QueryRow(ctx, `
		SELECT count(*) FILTER (WHERE c.relkind IN ('r','p')), count(*) FILTER (WHERE c.relkind = 'S'),
		       (SELECT count(*) FROM pg_largeobject_metadata)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname NOT IN ('information_schema', $1) AND n.nspname !~ '^pg_'`, Schema).Scan(&d.Tables, &sequences, &objects)
	return d.Tables + sequences + objects, err
}
