package pgtest_test

import (
	"fmt"
	"testing"

	"github.com/lullhq/lull/internal/pgserver/pgtest"
)

func TestServers(t *testing.T) {
	t.Parallel()
	for _, major := range []int{13, 17} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			s := pgtest.Start(t, major, pgtest.Options{Databases: []string{"shop"}, Settings: map[string]string{"application_name": "it's"}})
			var version, level, name string
			row := s.Connect(t, "shop").QueryRow(t.Context(), "SELECT current_setting('server_version_num'), current_setting('wal_level'), current_setting('application_name')")
			if err := row.Scan(&version, &level, &name); err != nil {
				t.Fatal(err)
			}
			if version[:2] != fmt.Sprint(major) || level != "logical" || name != "it's" {
				t.Errorf("got version %s, wal_level %s, application_name %s", version, level, name)
			}
		})
	}
}

func TestBouncer(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, 17, pgtest.Options{Databases: []string{"shop"}})
	b := pgtest.StartBouncer(t, s, pgtest.BouncerOptions{}, "shop")
	var name string
	if err := b.Connect(t, "shop").QueryRow(t.Context(), "SELECT current_database()").Scan(&name); err != nil || name != "shop" {
		t.Errorf("got %q, %v", name, err)
	}
	if _, err := b.Connect(t, "pgbouncer").Exec(t.Context(), "RELOAD"); err != nil {
		t.Errorf("administer the pooler: %v", err)
	}
}
