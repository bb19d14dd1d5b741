package cluster_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lullhq/lull/internal/pgup/cluster"
)

func TestLastApplyError(t *testing.T) {
	t.Parallel()
	duplicate := cluster.ApplyError{Table: "public.t", Message: `duplicate key value violates unique constraint "t_pkey"`, Detail: "Key (n)=(2001) already exists."}
	for _, c := range []struct {
		name, log       string
		want            cluster.ApplyError
		times           int
		columns, values string
	}{
		{"17", `2026-11-22 22:00:00.123 UTC [77] LOG:  logical replication apply worker for subscription "s" has started
2026-11-22 22:00:01.123 UTC [77] ERROR:  duplicate key value violates unique constraint "t_pkey"
2026-11-22 22:00:01.123 UTC [77] DETAIL:  Key (n)=(2001) already exists.
2026-11-22 22:00:01.123 UTC [77] CONTEXT:  processing remote data for replication origin "pg_1" during message type "INSERT" for replication target relation "public.t" in transaction 771, finished at 0/1566D10
2026-11-22 22:00:01.124 UTC [7] LOG:  background worker "logical replication apply worker" (PID 77) exited with exit code 1
`, duplicate, 1, "n", "2001"},
		{"14, twice", strings.Repeat(`ERROR:  duplicate key value violates unique constraint "t_pkey"
DETAIL:  Key (n)=(2001) already exists.
CONTEXT:  processing remote data during "INSERT" for replication target relation "public.t" in transaction 771
`, 2), duplicate, 2, "n", "2001"},
		{"18", `ERROR:  conflict detected on relation "public.t": conflict=insert_exists
DETAIL:  Key already exists in unique index "t_pkey", modified in transaction 740.
	Key (n)=(2001); existing local row (2001, a); remote row (2001, b).
CONTEXT:  processing remote data for replication origin "pg_1" during message type "INSERT" for replication target relation "public.t" in transaction 771, finished at 0/1566D10
`, cluster.ApplyError{Table: "public.t", Message: `conflict detected on relation "public.t": conflict=insert_exists`,
			Detail: `Key already exists in unique index "t_pkey", modified in transaction 740. Key (n)=(2001); existing local row (2001, a); remote row (2001, b).`}, 1, "n", "2001"},
		{"in German", `2026-11-22 [77] FEHLER:  doppelter Schlüsselwert verletzt Unique-Constraint »t_pkey«
2026-11-22 [77] DETAIL:  Schlüssel »(n)=(2001)« existiert bereits.
2026-11-22 [77] ZUSAMMENHANG:  Verarbeiten empfangener Daten für Replication-Origin "pg_1" bei Nachrichtentyp »INSERT« für Replikationszielrelation "public.t" in Transaktion 771
`, cluster.ApplyError{Table: "public.t", Message: "doppelter Schlüsselwert verletzt Unique-Constraint »t_pkey«", Detail: "Schlüssel »(n)=(2001)« existiert bereits."}, 1, "n", "2001"},
		{"of another database", `ERROR:  duplicate key value violates unique constraint "t_pkey"
DETAIL:  Key (n)=(2001) already exists.
CONTEXT:  processing remote data for replication origin "pg_2" during message type "INSERT" for replication target relation "public.t" in transaction 771, finished at 0/1566D10
`, cluster.ApplyError{}, 0, "", ""},
		{"not an error", `LOG:  conflict detected on relation "public.t": conflict=update_missing
DETAIL:  Could not find the row to be updated.
CONTEXT:  processing remote data for replication origin "pg_1" during message type "UPDATE" for replication target relation "public.t" in transaction 771, finished at 0/1566D10
`, cluster.ApplyError{}, 0, "", ""},
		{"terse", `ERROR:  duplicate key value violates unique constraint "t_pkey"
`, cluster.ApplyError{}, 0, "", ""},
	} {
		got, times := cluster.LastApplyError(c.log, "pg_1")
		if diff := cmp.Diff(c.want, got, cmpopts.IgnoreFields(cluster.ApplyError{}, "Raw")); diff != "" || times != c.times {
			t.Errorf("%s: %d times (-want +got):\n%s", c.name, times, diff)
		}
		if columns, values := got.Key(); columns != c.columns || values != c.values {
			t.Errorf("%s: key %s=%s", c.name, columns, values)
		}
	}
}

func FuzzLastApplyError(f *testing.F) {
	f.Add("ERROR:  a\nDETAIL:  Key (n)=(1) already exists.\nCONTEXT:  origin \"pg_1\" relation \"public.t\"\n", "pg_1")
	f.Add("\n\tKey (a, b)=(1, (2))\nreplication target relation", "pg_")
	f.Fuzz(func(t *testing.T, log, origin string) {
		e, times := cluster.LastApplyError(log, origin)
		if (times == 0) != (len(e.Raw) == 0) {
			t.Errorf("%d times, lines %q", times, e.Raw)
		}
		if !strings.Contains(log, strings.Join(e.Raw, "\n")) {
			t.Errorf("a report that the log does not hold: %q", e.Raw)
		}
		_, _ = e.Key()
		_ = e.String()
	})
}
