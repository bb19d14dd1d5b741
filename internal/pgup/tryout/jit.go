package tryout

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lullhq/lull/internal/checks"
)

// jit has a query compiled. Where the compiler's library is there and cannot be loaded, every query above jit_above_cost
// fails (src/backend/jit/jit.c: only a provider whose file is absent counts as none).
func (t Trial) jit(ctx context.Context) ([]checks.Finding, error) {
	on, err := t.compiles(ctx)
	if err != nil || !on {
		return nil, err
	}
	conn, err := t.here().Connect(ctx, "")
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, "SET jit = on; SET jit_above_cost = 0; SELECT sum(n) FROM generate_series(1, 100) AS n")
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return found("jit", "", []checks.Object{{Detail: refused.Message}}), nil
	}
	if err != nil {
		return nil, fmt.Errorf("compile a query: %w", err)
	}
	return nil, nil
}

// compiles says whether the new server is going to compile queries: it does since 12, unless somebody has turned it off.
func (t Trial) compiles(ctx context.Context) (bool, error) {
	if set, ok := t.Settings["jit"]; ok {
		return set != "off", nil
	}
	conn, err := t.Source.Connect(ctx, "")
	if err != nil {
		return false, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var off bool
	err = conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_settings WHERE name = 'jit' AND setting = 'off' AND source <> 'default')", pgx.QueryExecModeExec).Scan(&off)
	if err != nil {
		return false, fmt.Errorf("ask whether the source compiles queries: %w", err)
	}
	return !off, nil
}
