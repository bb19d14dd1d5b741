package seed

import (
	"os"
	"path/filepath"
	"testing"
)

func TestReasons(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"pg_upgrade_dump_1.log":  "pg_restore: creating DATABASE \"app\"\npg_restore: error: could not execute query: ERROR:  unrecognized parameter \"pg_attver\"\nCommand was: \n",
		"pg_upgrade_dump_5.log":  "pg_restore: error: could not execute query: FATAL:  terminating connection due to administrator command\n",
		"pg_upgrade_server.log":  "2026-11-26 UTC [5224] ERROR:  not one of a client's\n",
		"pg_upgrade_utility.log": "pg_dump: error: query failed: ERROR:  permission denied\npg_dump: error: query failed: ERROR:  permission denied\n",
	} {
		file := filepath.Join(dir, "pg_upgrade_output.d", "20261126T095020.874", "log", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const want = "\npg_upgrade_dump_1.log: could not execute query: ERROR:  unrecognized parameter \"pg_attver\"\npg_upgrade_utility.log: query failed: ERROR:  permission denied"
	if got := string(reasons(dir)); got != want {
		t.Errorf("reasons:%s", got)
	}
	if got := reasons(t.TempDir()); len(got) > 0 {
		t.Errorf("reasons where there are no logs: %s", got)
	}
}
