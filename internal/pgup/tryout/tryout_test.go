package tryout

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/checks/checkstest"
	"github.com/lullhq/lull/internal/pgserver"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

// planted are what a trial is to find, and what takes it away again.
var planted = []struct {
	id, object string
	plant, fix []string
}{
	{id: "settings-removed", object: "operator_precedence_warning (gone since 14", fix: []string{`ALTER SYSTEM RESET operator_precedence_warning`}},
	{id: "settings-refused", object: "work_mem"},
	{id: "preload-libraries", object: "adminpack", fix: []string{`ALTER SYSTEM RESET shared_preload_libraries`}},
	{
		id: "globals-load", object: "ALTER ROLE dated", fix: []string{`DROP ROLE dated`},
		plant: []string{`CREATE ROLE dated`, `ALTER ROLE dated SET operator_precedence_warning = on`},
	},
	{
		id: "schema-load", object: "view public.checkpoints", fix: []string{`DROP VIEW checkpoints`},
		plant: []string{`CREATE VIEW checkpoints AS SELECT checkpoints_timed FROM pg_stat_bgwriter`},
	},
	{
		id: "pg-upgrade-check", object: "reg* data types", fix: []string{`DROP TABLE called`},
		plant: []string{`CREATE TABLE called (f regproc)`},
	},
	{id: "extension-missing", object: "adminpack", plant: []string{`CREATE EXTENSION adminpack`}, fix: []string{`DROP EXTENSION adminpack`}},
	{id: "libraries", object: "$libdir/adminpack"},
	{id: "extension-updates", object: "pg_trgm (1.5 to 1.6)", plant: []string{`CREATE EXTENSION pg_trgm`}, fix: []string{`DROP EXTENSION pg_trgm`}},
	{
		id: "extension-path", object: "hstore", fix: []string{`DROP EXTENSION hstore`},
		plant: []string{`CREATE EXTENSION hstore`, `UPDATE pg_extension SET extversion = '0.1' WHERE extname = 'hstore'`},
	},
	{
		id: "collation-libraries", object: "names_n", fix: []string{`DROP TABLE names`},
		plant: []string{`CREATE TABLE names (n text COLLATE "en-x-icu")`, `CREATE INDEX names_n ON names (n)`},
	},
	{
		id: "apply-rehearsal", object: `public"."prices" (function least_price() does not exist)`, fix: []string{`ALTER FUNCTION dear(int) SET search_path = public`},
		plant: []string{
			`CREATE FUNCTION least_price() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'`,
			`CREATE FUNCTION dear(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 > least_price(); END'`,
			`CREATE TABLE prices (p int CHECK (dear(p)))`, `INSERT INTO prices VALUES (7)`,
			`CREATE TABLE item (p int PRIMARY KEY)`, `CREATE TABLE bill (p int REFERENCES item)`, `INSERT INTO item VALUES (1)`, `INSERT INTO bill VALUES (1)`,
		},
	},
}

// TestPlanted plants all of it in one server of 13, tries 17 twice, and wants each found, and gone after its fix.
func TestPlanted(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, 13, pgtest.Options{Databases: []string{"app"}, Settings: map[string]string{
		"operator_precedence_warning": "on", "shared_preload_libraries": "pg_stat_statements,adminpack",
	}})
	for _, p := range planted {
		s.Exec(t, "app", p.plant...)
	}
	found := try(t, s, map[string]string{"work_mem": "lots"})
	for _, p := range planted {
		if !has(found, p.id, p.object) {
			t.Errorf("%s: %s is not found", p.id, p.object)
		}
	}
	if has(found, "globals-load", "already exists") || has(found, "apply-rehearsal", "bill") {
		t.Errorf("what is right is found, too: %+v", found)
	}
	if t.Failed() {
		t.Fatalf("found: %+v", found)
	}
	for _, p := range slices.Backward(planted) {
		s.Exec(t, "app", p.fix...)
	}
	s.Restart(t)
	if found := try(t, s, nil); len(found) > 0 {
		t.Errorf("found after all was fixed: %+v", found)
	}
}

// TestBrokenCompiler tries a version whose compiler is there and cannot be loaded.
func TestBrokenCompiler(t *testing.T) {
	t.Parallel()
	in, _ := pgtest.Without(t, pgtest.Install(t, 17), "llvmjit")
	if err := os.WriteFile(filepath.Join(filepath.Dir(in.Bin), "lib", "llvmjit.so"), []byte("no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := pgtest.Start(t, 13, pgtest.Options{})
	if found := tryWith(t, s, in, nil); !has(found, "jit", "could not load library") {
		t.Errorf("found: %+v", found)
	}
	if found := tryWith(t, s, in, map[string]string{"jit": "false"}); len(found) > 0 {
		t.Errorf("found where it is off in target.settings: %+v", found)
	}
	s.Exec(t, "postgres", `CREATE DATABASE app`, `ALTER SYSTEM SET jit = off`, `SELECT pg_reload_conf()`)
	checkstest.Until(`SELECT setting = 'off' FROM pg_settings WHERE name = 'jit'`)(t, s)()
	if found := tryWith(t, s, in, nil); len(found) > 0 {
		t.Errorf("found where it is off on the source: %+v", found)
	}
}

// TestColdCache tries a version whose programs came without a library, for a source that lacks another.
func TestColdCache(t *testing.T) {
	t.Parallel()
	was, installOld := pgtest.Without(t, pgtest.Install(t, 13), "pg_buffercache")
	is, installNew := pgtest.Without(t, pgtest.Install(t, 17), "pg_prewarm")
	s := pgtest.Start(t, 13, pgtest.Options{})
	s.Install = was
	s.Restart(t)
	found := tryWith(t, s, is, nil)
	if len(found) != 1 || !has(found, "cache-libraries", "pg_prewarm (the new version: could not access file") || !has(found, "cache-libraries", "pg_buffercache (the source: could not access file") {
		t.Errorf("found: %+v", found)
	}
	installOld()
	found = tryWith(t, s, is, nil)
	if len(found) != 1 || found[0].Count != 1 || !has(found, "cache-libraries", "pg_prewarm") {
		t.Errorf("found with one of them there: %+v", found)
	}
	installNew()
	if found := tryWith(t, s, is, nil); len(found) > 0 {
		t.Errorf("found with both there: %+v", found)
	}
}

func try(t *testing.T, s *pgtest.Server, settings map[string]string) []checks.Finding {
	t.Helper()
	return tryWith(t, s, pgtest.Install(t, 17), settings)
}

func tryWith(t *testing.T, s *pgtest.Server, in pgserver.Install, settings map[string]string) []checks.Finding {
	t.Helper()
	source := cluster.Endpoint{Conninfo: s.Server.DSN("postgres", pgtest.Superuser), Password: s.Password}
	inv, err := cluster.Take(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	return Trial{Source: source, Inventory: inv, Old: s.Install, New: in, Settings: settings}.Run(t.Context())
}

// Nothing that could not be tried looks as if all were well.
func TestNotTried(t *testing.T) {
	t.Parallel()
	inv := cluster.Inventory{Version: 130000, Bootstrap: "lull", Encoding: "UTF8", Collate: "C", Ctype: "C"}
	nobody := cluster.Endpoint{Conninfo: "host=127.0.0.1 port=1 user=lull"}
	found := Trial{Source: nobody, Inventory: inv, New: pgtest.Install(t, 17)}.Run(t.Context())
	if len(found) != 1 || found[0].ID != "not-tried" || !strings.Contains(found[0].Text, "connection refused") {
		t.Errorf("found: %+v", found)
	}
}

func has(found []checks.Finding, id, object string) bool {
	return slices.ContainsFunc(found, func(f checks.Finding) bool {
		return f.ID == id && slices.ContainsFunc(f.Objects, func(o checks.Object) bool { return strings.Contains(o.String(), object) })
	})
}
