package compare

import (
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgserver/pgtest"
)

// servers are the old and the new one, shared by tests that have a database each.
type servers struct{ old, new *pgtest.Server }

func TestOldAndNew(t *testing.T) {
	t.Parallel()
	quiet := pgtest.Options{Settings: map[string]string{"autovacuum": "off"}} // it would gather statistics
	s := servers{old: pgtest.Start(t, 13, quiet), new: pgtest.Start(t, 17, quiet)}
	for name, test := range map[string]func(*testing.T, servers){
		"schema": testSchema, "rows": testRows, "statistics": testStatistics, "visibility map and sequences": testVisibilityMapAndSequences,
		"any change": testAnyChange, "widest table": testWidestTable,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, s)
		})
	}
}

// pair is one database on both servers. The target was restored from a dump of the source.
type pair struct {
	servers
	name string
}

// restore makes the database on the source, runs the script in it, and copies it to the
// target with the new version's programs.
func (s servers) restore(t *testing.T, name, script string) pair {
	t.Helper()
	s.old.Exec(t, "postgres", "CREATE DATABASE "+name)
	s.old.Exec(t, name, script)
	s.new.Exec(t, "postgres", "CREATE DATABASE "+name)
	p := pair{s, name}
	p.copy(t)
	return p
}

// copy dumps the source's database and restores it on the target.
func (p pair) copy(t *testing.T, flags ...string) {
	t.Helper()
	file := filepath.Join(p.new.SocketDir, p.name+".dump")
	p.run(t, "pg_dump", append(flags, "--format=custom", "--file", file, "--dbname", p.old.DSN(p.name))...)
	p.run(t, "pg_restore", "--exit-on-error", "--dbname", p.new.DSN(p.name), file)
}

func (p pair) run(t *testing.T, program string, args ...string) {
	t.Helper()
	cmd := p.new.Command(t.Context(), program, args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", program, err, out)
	}
}

func (p pair) connect(t *testing.T) (src, dst *pgx.Conn) {
	t.Helper()
	return p.old.Connect(t, p.name), p.new.Connect(t, p.name)
}
