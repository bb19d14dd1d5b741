package preflight_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
)

// special are those for which a whole server has to be another way, or the clock of this machine.
var special = []string{"standby", "superuser", "output_plugin_libraries", "bootstrap-role", "clock"}

func TestSpecialServers(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, 17, pgtest.Options{Databases: []string{"app", "bare"}, Settings: map[string]string{"output_plugin_libraries": "test_decoding"}})
	s.Exec(t, "postgres", `CREATE ROLE small LOGIN PASSWORD 'small'`)

	has(t, lookAs(t, s, "small", "small"), "superuser", true)

	s.Exec(t, "postgres", `CREATE ROLE boss SUPERUSER LOGIN PASSWORD 'boss'`, `ALTER ROLE lull NOLOGIN`)
	barred := lookAs(t, s, "boss", "boss")
	has(t, barred, "bootstrap-role", true)
	as("boss", commands(barred, "bootstrap-role")...)(t, s)()

	found := look(t, s)
	has(t, found, "output_plugin_libraries", true)

	signal := filepath.Join(s.Data, "standby.signal")
	if err := s.Owner.WriteFile(signal, nil); err != nil {
		t.Fatal(err)
	}
	s.Restart(t)
	has(t, look(t, s), "standby", true)

	if err := os.Remove(signal); err != nil {
		t.Fatal(err)
	}
	s.Restart(t)
	s.Exec(t, "postgres", commands(found, "output_plugin_libraries")...)
	s.Restart(t)
	for _, id := range special {
		has(t, look(t, s), id, false)
	}
}

func has(t *testing.T, found []checks.Finding, id string, want bool) {
	t.Helper()
	if got := slices.ContainsFunc(found, func(f checks.Finding) bool { return f.ID == id && f.Count > 0 }); got != want {
		t.Errorf("%s is found: %v", id, got)
	}
}

func commands(found []checks.Finding, id string) []string {
	for _, f := range found {
		if f.ID == id {
			return f.Commands()
		}
	}
	return nil
}
