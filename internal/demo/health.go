package demo

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
)

// health is the application's health check, which the plan asks after the upgrade: it reads
// from the database the way the application does.
type health struct{ dsn string }

func (h health) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	version, err := h.ask(ctx)
	if err != nil {
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintf(w, "ok, PostgreSQL %s\n", version)
}

func (h health) ask(ctx context.Context) (version string, err error) {
	config, err := pgx.ParseConfig(h.dsn)
	if err != nil {
		return "", err
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // the pooler is in transaction mode
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = conn.QueryRow(ctx, "SELECT current_setting('server_version') FROM shop.open_order LIMIT 1").Scan(&version)
	return version, err
}
