package tryout

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

// jit has a query compiled. Where the compiler's library is there and cannot be loaded, every query above jit_above_cost
// fails (src/backend/jit/jit.c: only a provider whose file is absent counts as none).
func (t Trial) jit(ctx context.Context) ([]checks.Finding, error) {
	wanted, err := t.wantedJIT(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := t.here().Connect(ctx, "")
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var refused *pgconn.PgError
	if _, err := conn.Exec(ctx, "SET jit = "+cluster.Literal(wanted)); errors.As(err, &refused) {
		return nil, nil // settings-refused says so
	}
	_, err = conn.Exec(ctx, "SET jit_above_cost = 0; SELECT sum(n) FROM generate_series(1, 100) AS n")
	if errors.As(err, &refused) {
		return found("jit", "", []checks.Object{{Detail: refused.Message}}), nil
	}
	if err != nil {
		return nil, fmt.Errorf("compile a query: %w", err)
	}
	return nil, nil
}

// wantedJIT is the setting that the new server is going to have. Since 12 it is on where nobody has set it.
func (t Trial) wantedJIT(ctx context.Context) (wanted string, err error) {
	if set, ok := t.Settings["jit"]; ok {
		return set, nil
	}
	conn, err := t.Source.Connect(ctx, "")
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = conn.QueryRow(ctx, "SELECT coalesce((SELECT setting FROM pg_settings WHERE name = 'jit' AND source <> 'default'), 'on')", pgx.QueryExecModeExec).Scan(&wanted)
	if err != nil {
		return "", fmt.Errorf("ask whether the source compiles queries: %w", err)
	}
	return wanted, nil
}
