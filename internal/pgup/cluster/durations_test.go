package cluster

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/serverlog"
)

// As 17 writes them. The same statement is there three times, with another value each.
const (
	stderrDurations = "2026-11-26 03:00:00 UTC [42] app@shop LOG:  duration: 1.500 ms  statement: SELECT v\n\t\tFROM large -- all of it\n\tWHERE id = 7\n" +
		"2026-11-26 03:00:00 UTC [42] app@shop LOG:  duration: 9.000 ms  parse s_1: SELECT v FROM large WHERE id = $1\n" +
		"2026-11-26 03:00:00 UTC [42] app@shop LOG:  duration: 9.000 ms  bind s_1: SELECT v FROM large WHERE id = $1\n" +
		"2026-11-26 03:00:00 UTC [42] app@shop LOG:  duration: 2.500 ms  execute s_1: SELECT v FROM large WHERE id = $1\n" +
		"2026-11-26 03:00:00 UTC [42] app@shop DETAIL:  parameters: $1 = '8'\n" +
		"2026-11-26 03:00:00 UTC [42] app@shop LOG:  duration: 1.000 ms  execute fetch from <unnamed>/c_1: SELECT v FROM large WHERE id = 9\n" +
		"2026-11-26 03:00:00 UTC [42] app@shop LOG:  duration: 3.000 ms\n" +
		"2026-11-26 03:00:00 UTC [42] app@shop LOG:  statement: SELECT 1\n" +
		"2026-11-26 03:00:00 UTC [42] app@shop LOG:  duration: 4.000 ms  plan:\n\tQuery Text: SELECT 1\n" +
		"2026-11-26 03:00:00 UTC [43] app@other LOG:  duration: 1.000 ms  statement: SELECT 2\n" +
		"2026-11-26 03:00:00 UTC [43] gone@shop LOG:  duration: 1.000 ms  statement: SELECT 3\n" +
		"2026-11-26 03:00:00 UTC [43] [unknown]@shop LOG:  duration: 1.000 ms  statement: SELECT 4\n" +
		"2026-11-26 03:00:00 UTC [43] lull@shop LOG:  duration: 1.000 ms  statement: SELECT 5\n"
	csvDurations = `2026-11-26 03:00:00.001 UTC,"app","shop",42,"10.0.0.7:5",65f.2a,3,"SELECT",2026-11-26 03:00:00 UTC,3/1,0,LOG,00000,"duration: 5.000 ms  statement: SELECT v
	FROM large WHERE id = 7",,,,,,,,,"web","client backend",,0
2026-11-26 03:00:00.001 UTC,"app","shop",42,"10.0.0.7:5",65f.2a,3,"SELECT",2026-11-26 03:00:00 UTC,3/1,0,LOG,00000,"duration: 7.000 ms  statement: SELECT 1",,,,,,,,,"lull","client backend",,0
2026-11-26 03:00:00.001 UTC,,,42,,65f.2a,3,"SELECT",2026-11-26 03:00:00 UTC,3/1,0,LOG,00000,"duration: 7.000 ms  statement: SELECT 1",,,,,,,,,"","not initialized",,0
`
	jsonDurations = `{"user":"app","dbname":"shop","pid":42,"error_severity":"LOG","message":"duration: 5.000 ms  execute <unnamed>: SELECT v\n\tFROM large WHERE id = $1","application_name":"web"}
{"user":"app","dbname":"shop","pid":42,"error_severity":"LOG","message":"duration: 7.000 ms  statement: SELECT 1","application_name":"lull probe"}
{"pid":42,"error_severity":"LOG","message":"duration: 7.000 ms  statement: SELECT 1"}
`
)

func read(form serverlog.Form, prefix, text string) *durations {
	d := &durations{databases: []string{"shop"}, roles: []string{"app", "lull"}, own: "lull", all: tally{}}
	d.read(serverlog.Log{Form: form, Prefix: prefix, Text: []byte(text)})
	return d
}

func TestDurationsOfALog(t *testing.T) {
	t.Parallel()
	id := read(serverlog.CSV, "", csvDurations).all.top(1)[0].ID
	for form, c := range map[serverlog.Form]struct {
		text string
		want Statement
	}{
		serverlog.Stderr: {stderrDurations, Statement{Text: "SELECT v FROM large WHERE id = $1", Calls: 3, Total: 5}},
		serverlog.CSV:    {csvDurations, Statement{Text: "SELECT v\n\tFROM large WHERE id = 7", Calls: 1, Total: 5}},
		serverlog.JSON:   {jsonDurations, Statement{Text: "SELECT v\n\tFROM large WHERE id = $1", Calls: 1, Total: 5}},
	} {
		d := read(form, "%m [%p] %q%u@%d ", c.text)
		c.want.ID, c.want.User, c.want.Database = id, "app", "shop"
		if diff := cmp.Diff([]Statement{c.want}, d.all.top(9)); diff != "" {
			t.Errorf("%s: %s", form, diff)
		}
		if said := d.said(serverlog.Log{}); d.untold != 1 || !strings.HasSuffix(said, "does not tell role and database (log_line_prefix): 1") || strings.Contains(said, "no statement") {
			t.Errorf("%s: lines left out: %d, %q", form, d.untold, said)
		}
	}
	if d := read(serverlog.Stderr, "%m [%p] ", stderrDurations); len(d.all) > 0 || !strings.Contains(d.said(serverlog.Log{}), "tells of no statement how long it took") {
		t.Errorf("nobody says whose they are: %+v", d)
	}
}

func FuzzDurations(f *testing.F) {
	f.Add(stderrDurations, "%m [%p] %q%u@%d ")
	f.Add(csvDurations, "")
	f.Add(jsonDurations, "")
	f.Add("app@shop LOG:  duration: 1"+strings.Repeat("0", 400)+".0 ms  execute : : x\n\t", "%u@%d ")
	f.Fuzz(func(t *testing.T, text, prefix string) {
		for _, form := range []serverlog.Form{serverlog.Stderr, serverlog.CSV, serverlog.JSON} {
			for _, s := range read(form, prefix, text).all.top(100) {
				if s.User != "app" && s.User != "lull" || s.Database != "shop" || s.Calls == 0 || !(s.Total >= 0) {
					t.Errorf("%q with %q gave %+v", text, prefix, s)
				}
			}
		}
	})
}
