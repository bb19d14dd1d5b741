package cluster_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

// An update's script that fills a configuration table is played by an event trigger.
func TestUpdateExtensions(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, 13, pgtest.Options{})
	conn := s.Connect(t, "postgres")
	run(t, conn, `
		CREATE EXTENSION hstore VERSION '1.6'; CREATE TABLE "Conf" (k text); INSERT INTO "Conf" VALUES ('mine'), ('theirs');
		ALTER EXTENSION hstore ADD TABLE "Conf"; SET allow_system_table_mods = on;
		UPDATE pg_extension SET extconfig = ARRAY['"Conf"'::regclass::oid], extcondition = ARRAY[''] WHERE extname = 'hstore';
		CREATE FUNCTION script() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO "Conf" SELECT 'theirs'; END $$;
		CREATE EVENT TRIGGER script ON ddl_command_end WHEN TAG IN ('ALTER EXTENSION') EXECUTE FUNCTION script()`, pgx.QueryExecModeSimpleProtocol)

	_, err := cluster.UpdateExtensions(t.Context(), conn)
	if err == nil || !strings.Contains(err.Error(), `"public"."Conf"`) || hint.Of(err) == "" {
		t.Errorf("doubled rows are not refused: %v", err)
	}
	if n, err := cluster.OutdatedExtensions(t.Context(), conn); err != nil || n != 1 || len(list(t, conn, `SELECT k FROM "Conf"`)) != 2 {
		t.Errorf("what was refused was not taken back: %v", err)
	}

	run(t, conn, `CREATE OR REPLACE FUNCTION script() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO "Conf" SELECT 'new'; END $$`)
	done, err := cluster.UpdateExtensions(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	if len(done) != 1 || !strings.HasPrefix(done[0].Text, "hstore 1.6 to ") || len(done[0].Changed) != 1 || done[0].Changed[0] != `"public"."Conf"` {
		t.Errorf("it did %+v", done)
	}
	if done, err := cluster.UpdateExtensions(t.Context(), conn); err != nil || len(done) != 0 {
		t.Errorf("nothing is left to update, and it did %v, %v", done, err)
	}
}
