package e2e

import (
	"context"
	"maps"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/chaos"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
)

// fingerprint is the source and its pooler, as they are now.
func (g *ground) fingerprint(t *testing.T) map[string]string {
	t.Helper()
	out, err := chaos.Fingerprint(t.Context(), func(db string) string { return g.at(g.source.Port, db) }, databases)
	must(t, err)
	pooler, err := chaos.PoolerFingerprint(t.Context(), g.console(t), g.pooler.Dir)
	must(t, err)
	maps.Copy(out, pooler)
	return out
}

func (g *ground) poolerSettings(t *testing.T) string {
	t.Helper()
	pooler, err := chaos.PoolerFingerprint(t.Context(), g.console(t), g.pooler.Dir)
	must(t, err)
	return pooler["pooler: settings"]
}

func (g *ground) console(t *testing.T) *pgx.Conn {
	t.Helper()
	cfg, err := pgx.ParseConfig(g.pooler.PgBouncer.DSN("pgbouncer", pgtest.Superuser) + " password=" + g.pooler.Password)
	must(t, err)
	cfg.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	must(t, err)
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// verifySame names each part of a fingerprint that has changed.
func verifySame(t *testing.T, before, after map[string]string) {
	t.Helper()
	for _, d := range chaos.Differences(before, after) {
		t.Error(d)
	}
}
