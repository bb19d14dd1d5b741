package planstep

import (
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/pgserver/pgtest"
)

func TestSQL(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, 17, pgtest.Options{})
	s.Exec(t, "postgres", "create table jobs (id int, done bool)", "insert into jobs values (1, true), (2, null)")
	dsn := s.DSN("postgres")
	step := func(query, expect string) *Check {
		return NewSQL("sql", SQL{Dial: DialDSN(dsn), Query: query, Expect: expect})
	}
	for query, expect := range map[string]string{
		"select count(*) from jobs":                          "2",
		"select done from jobs where id = 1":                 "t",
		"select done from jobs where id = 2":                 "NULL",
		"select 1.50::numeric":                               "1.50",
		"show application_name":                              "lull",
		"show transaction_read_only":                         "on",
		"select 'it''s' || chr(10) || '$1' -- the last line": "it's\n$1",
		"with x as (select 1 where false) select 'none' from (select count(*) from x) y": "none",
	} {
		if err := newDriver().run(t.Context(), step(query, expect)); err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}
	d := newDriver()
	if err := d.run(t.Context(), step("select 1", "1")); err != nil || !strings.Contains(d.evidence(t), `database postgres at 127.0.0.1:`) {
		t.Errorf("%v: %s", err, d.evidence(t))
	}
	for query, words := range map[string]string{
		"select count(*) from jobs":       `answered "2", expected "3"`,
		"select repeat('x', 500)":         `answered "` + strings.Repeat("x", 80) + `...", expected "3"`,
		"select * from jobs":              "answered 2 rows, expected one",
		"select id from jobs where false": "answered 0 rows, expected one",
		"select 1, 2":                     "answered 2 columns, expected one",
		"delete from jobs":                "read-only transaction",
		"select 1; select 2":              "multiple commands",
		"select no_such_column from jobs": "no_such_column",
	} {
		_, err := SQL{Dial: DialDSN(dsn), Query: query, Expect: "3"}.try(t.Context())
		refusedWith(t, err, words, "psql")
		if err != nil && s.Password != "" && strings.Contains(err.Error(), s.Password) {
			t.Errorf("a secret is shown: %v", err)
		}
	}
}

func TestSQLWithoutAServer(t *testing.T) {
	t.Parallel()
	for dsn, words := range map[string]string{
		"host=127.0.0.1 port=1 user=lull password=hunter2 dbname=shop": "127.0.0.1:1",
		"postgres://lull:hunter2@127.0.0.1:none/shop":                  "not valid",
	} {
		_, err := SQL{Dial: DialDSN(dsn), Query: "select 1"}.try(t.Context())
		refusedWith(t, err, words, "takes connections")
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("a secret is shown: %v", err)
		}
	}
}
