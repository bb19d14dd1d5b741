package seed_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/lullhq/lull/internal/pgserver"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/seed"
)

// TestCopiesOfOldVersions brings copies of versions that are told of their recovery in another way to an exact position:
// what was committed before it is there, and what came after it is not.
func TestCopiesOfOldVersions(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("left to the long form")
	}
	for _, major := range []int{10, 11, 12} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			older := oldInstall(t, major)
			source := pgtest.Start(t, major, pgtest.Options{Install: older, Databases: []string{"app"}})
			source.Exec(t, "app", `CREATE TABLE t (n int PRIMARY KEY)`, `INSERT INTO t SELECT generate_series(1, 1000)`)
			e := cluster.Endpoint{Conninfo: source.Server.DSN("postgres", pgtest.Superuser), Password: source.Password}
			inv, err := cluster.Take(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			dir, err := older.Owner.TempDir()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(dir) })
			p := seed.Physical{Source: e, Inventory: inv, Old: older, New: pgtest.Install(t, 17), Data: filepath.Join(dir, "new"), Jobs: 1}
			if err := p.Backup(t.Context()); err != nil {
				t.Fatal(err)
			}
			source.Exec(t, "app", `INSERT INTO t SELECT generate_series(1001, 2000)`)
			conn := source.Connect(t, "postgres")
			lsn, err := cluster.InsertLSN(t.Context(), conn)
			if err != nil {
				t.Fatal(err)
			}
			source.Exec(t, "app", `INSERT INTO t SELECT generate_series(2001, 3000)`)
			if err := p.Recover(t.Context(), lsn, func(ctx context.Context) error { return cluster.Nudge(ctx, conn) }, func(int64) {}); err != nil {
				t.Fatal(err)
			}
			copied := pgserver.Server{Install: older, Data: p.Copy(), Port: 5432, SocketDir: dir}
			if err := copied.Start(t.Context(), map[string]string{"unix_socket_directories": dir}); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = copied.Stop(context.Background(), "immediate") })
			here := cluster.Endpoint{Conninfo: fmt.Sprintf("host=%s port=5432 user=%s", cluster.Quote(dir), cluster.Quote(inv.Bootstrap))}
			var rows, most int
			if err := connect(t, here, "app").QueryRow(t.Context(), `SELECT count(*), max(n) FROM public.t`).Scan(&rows, &most); err != nil {
				t.Fatal(err)
			}
			if rows != 2000 || most != 2000 {
				t.Errorf("the copy has %d rows up to %d", rows, most)
			}
		})
	}
}

// oldInstall is a server of an old version with the program that copies one, which the machine has of another version.
func oldInstall(t *testing.T, major int) pgserver.Install {
	t.Helper()
	in, err := pgserver.FindServer(major)
	if err != nil {
		t.Skipf("%v; in a checkout: scripts/oldservers", err)
	}
	bin := t.TempDir()
	for dir := bin; dir != filepath.Dir(dir) && dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil { // the server's user has to come there
			t.Fatal(err)
		}
	}
	for name, from := range map[string]string{"initdb": in.Bin, "pg_ctl": in.Bin, "postgres": in.Bin, "pg_basebackup": pgtest.Install(t, 13).Bin} {
		if err := os.Symlink(filepath.Join(from, name), filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	in.Bin = bin
	in, err = in.RunAs("")
	if err != nil {
		t.Fatal(err)
	}
	return in
}
