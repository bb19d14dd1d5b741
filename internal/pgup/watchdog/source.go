package watchdog

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// source is the watchdog's own session on the source, for opening the fence.
type source struct {
	spec Source
	conn *pgconn.PgConn
}

func (s *source) connect(ctx context.Context) error {
	if s.spec.Conninfo == "" || s.conn != nil && !s.conn.IsClosed() {
		return nil
	}
	cfg, err := pgconn.ParseConfig(s.spec.Conninfo)
	if err != nil {
		return fmt.Errorf("read the address of the source: %w", err)
	}
	if s.spec.Password != "" {
		cfg.Password = s.spec.Password
	}
	for k, v := range map[string]string{
		"application_name": "lull watchdog", "default_transaction_read_only": "off", "statement_timeout": "0",
		"idle_in_transaction_session_timeout": "0", "lock_timeout": "1s", "search_path": "pg_catalog",
	} {
		cfg.RuntimeParams[k] = v
	}
	if s.conn, err = pgconn.ConnectConfig(ctx, cfg); err != nil {
		return fmt.Errorf("connect to the source: %w", err)
	}
	return nil
}

// open opens the fence.
func (s *source) open(ctx context.Context) error {
	if err := s.connect(ctx); err != nil || s.conn == nil {
		return err
	}
	for _, sql := range s.spec.Unfence {
		if _, err := s.conn.Exec(ctx, sql).ReadAll(); err != nil {
			return fmt.Errorf("open the fence of the source: %w", err)
		}
	}
	return nil
}

// openAlone ends the controller's sessions before it opens the fence.
func (s *source) openAlone(ctx context.Context) error {
	if err := s.connect(ctx); err != nil || s.conn == nil {
		return err
	}
	if len(s.spec.Sessions) > 0 {
		// The name is a guard: the server may have given the number to somebody else since.
		const sql = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ANY ($1::int[]) AND application_name LIKE 'lull%'`
		if r := s.conn.ExecParams(ctx, sql, [][]byte{array(s.spec.Sessions)}, nil, nil, nil).Read(); r.Err != nil {
			return fmt.Errorf("end the controller's sessions on the source: %w", r.Err)
		}
	}
	return s.open(ctx)
}

func array(ids []uint32) []byte {
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = strconv.FormatUint(uint64(id), 10)
	}
	return []byte("{" + strings.Join(parts, ",") + "}")
}

func (s *source) close() {
	if s.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), silence)
	defer cancel()
	_ = s.conn.Close(ctx) // nobody is left to mind
}
