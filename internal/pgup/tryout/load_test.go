package tryout

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/checks"
)

const dump = `--
-- Name: old; Type: VIEW; Schema: public; Owner: me
--

CREATE VIEW public.old AS
 SELECT gone
   FROM t;

ALTER ROLE dated SET nothing TO 'on';
--
-- Name: app; Type: DATABASE; Schema: -; Owner: me
--
CREATE DATABASE app;
`

func TestFailures(t *testing.T) {
	t.Parallel()
	said := "psql:/tmp/x/dump.sql:7: ERROR:  column \"gone\" does not exist at character 39\n" +
		"psql:/tmp/x/dump.sql:7: NOTICE:  not this\n" +
		"psql:/tmp/x/dump.sql:13: ERROR:  no room\n" +
		"psql:/tmp/x/dump.sql:99: ERROR:  beyond the end\n"
	want := []checks.Object{
		{Name: "view public.old", Detail: `column "gone" does not exist at character 39`},
		{Name: "database app", Detail: "no room"},
	}
	if diff := cmp.Diff(want, failures([]byte(dump), []byte(said))); diff != "" {
		t.Error(diff)
	}
	globals := "SET x = 1;\nALTER ROLE dated SET nothing TO 'on';\n"
	want = []checks.Object{{Name: "ALTER ROLE dated SET nothing TO 'on'", Detail: "unrecognized"}}
	if diff := cmp.Diff(want, failures([]byte(globals), []byte("psql:a:2: ERROR:  unrecognized"))); diff != "" {
		t.Error(diff)
	}
}

func TestDislikes(t *testing.T) {
	t.Parallel()
	said := `2026-11-25 LOG:  invalid value for parameter "work_mem": "lots"
LOG:  unrecognized configuration parameter "wal_keep_segments" in file "/x/settings.conf" line 3
LOG:  9 is outside the valid range for parameter "max_wal_senders" (0 .. 3)
FATAL:  configuration file "/x/settings.conf" contains errors
`
	var names []string
	for _, o := range dislikes([]byte(said)) {
		names = append(names, o.Name)
	}
	if diff := cmp.Diff([]string{"work_mem", "wal_keep_segments", "max_wal_senders"}, names); diff != "" {
		t.Error(diff)
	}
}

func FuzzFailures(f *testing.F) {
	f.Add([]byte(dump), []byte("psql:a:7: ERROR:  x"))
	f.Add([]byte(""), []byte("psql:a:0: ERROR:  x\npsql:a:99999999999999999999: ERROR:  y"))
	f.Fuzz(func(_ *testing.T, dump, said []byte) {
		failures(dump, said)
		dislikes(said)
	})
}
