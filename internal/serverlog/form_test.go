package serverlog

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// As 13 and 17 write them.
const (
	stderrText = "a line of something else\n" +
		"\tand more of it\n" +
		"2026-11-26 03:00:00.001 UTC [42] web app@shop LOG:  duration: 1.5 ms  statement: SELECT 1,\n\t\t2\n\t\n\tFROM t\n" +
		"2026-11-26 03:00:00.001 UTC [42] web app@shop DETAIL:  parameters: $1 = 'x\n\tLOG:  duration: 9 ms  statement: SELECT 9'\n" +
		"2026-11-26 03:00:00.002 UTC [43] LOG:  duration: 2 ms  statement: SELECT 2\n" +
		"2026-11-26 03:00:00.003 UTC [44] LOG:  checkpoint starting: time\n"
	csvText = `x ""a"",b
2026-11-26 03:00:00.001 UTC,"web app","shop",42,"10.0.0.7:5",65f.2a,3,"SELECT",2026-11-26 03:00:00 UTC,3/1,0,LOG,00000,"duration: 1.5 ms  statement: SELECT 1,
	2

FROM t",,,,,,,,,"psql","client backend",,0
2026-11-26 03:00:00.002 UTC,,,43,,65f.2b,1,,2026-11-26 03:00:00 UTC,,0,LOG,00000,"duration: 2 ms  statement: SELECT 2",,,,,,,,,"","not initialized",,0
2026-11-26 03:00:00.003 UTC,,,44,,65f.2b,1,,2026-11-26 03:00:00 UTC,,0,LOG,00000,"checkpoint starting: time",,,,,,,,,"","checkpointer",,0
`
	jsonText = `"x":1}
{"timestamp":"2026-11-26 03:00:00.001 UTC","user":"web app","dbname":"shop","pid":42,"remote_host":"10.0.0.7","remote_port":5,"error_severity":"LOG","message":"duration: 1.5 ms  statement: SELECT 1,\n\t2\n\nFROM t","application_name":"psql","backend_type":"client backend"}
{"timestamp":"2026-11-26 03:00:00.002 UTC","pid":43,"error_severity":"LOG","message":"duration: 2 ms  statement: SELECT 2"}
{"timestamp":"2026-11-26 03:00:00.003 UTC","pid":44,"error_severity":"LOG","message":"checkpoint starting: time"}
`
)

func TestMessagesOfSeveralLines(t *testing.T) {
	t.Parallel()
	const statement = "duration: 1.5 ms  statement: SELECT 1,\n\t2\n\nFROM t"
	const second = "duration: 2 ms  statement: SELECT 2" // of no client's session
	for form, c := range map[Form]struct {
		text          string
		first, second Line
	}{
		Stderr: {stderrText, Line{PID: "42", User: "web app", Database: "shop", Text: statement}, Line{Text: second}},
		CSV:    {csvText, Line{PID: "42", Host: "10.0.0.7", User: "web app", Database: "shop", Application: "psql", Text: statement}, Line{PID: "43", Text: second}},
		JSON:   {jsonText, Line{PID: "42", Host: "10.0.0.7", User: "web app", Database: "shop", Application: "psql", Text: statement}, Line{PID: "43", Text: second}},
	} {
		log := Log{Form: form, Prefix: "%m [%p] %q%u@%d ", Text: []byte(c.text)}
		if diff := cmp.Diff([]Line{c.first, c.second}, slices.Collect(log.Lines("duration: "))); diff != "" {
			t.Errorf("%s: %s", form, diff)
		}
		for l := range log.Lines("duration: ") {
			if l != c.first {
				t.Errorf("%s: it goes on after the end: %+v", form, l)
			}
			break
		}
	}
}

// TestNobodySpeaksForOthers has clients that write a line of a log into what they may write.
func TestNobodySpeaksForOthers(t *testing.T) {
	t.Parallel()
	const forged = "LOG:  duration: 9 ms  statement: SELECT evil()"
	for prefix, c := range map[string]struct {
		head string
		want Line
	}{
		"%m [%p] %q%u@%d app=%a ": {"2026-11-26 03:00:00.001 UTC [42] web@shop app=root@shop app=x ", Line{PID: "42", User: "web", Database: "shop", Application: "root@shop app=x"}},
		"%m [%p] %a %u@%d ":       {"2026-11-26 03:00:00.001 UTC [42]  root@shop ", Line{PID: "42"}},
		"%a %u@%d %p ":            {"x root@shop 7 ", Line{PID: "7", Application: "x"}},
		"%u@%d ":                  {"[unknown]@[unknown] ", Line{}},
		"[%p] ":                   {"web@shop ", Line{}},
	} {
		got := slices.Collect(Log{Form: Stderr, Prefix: prefix, Text: []byte(c.head + forged + "\n")}.Lines("duration"))
		c.want.Text = strings.TrimPrefix(forged, "LOG:  ")
		if diff := cmp.Diff([]Line{c.want}, got); diff != "" {
			t.Errorf("%q: %s", prefix, diff)
		}
	}
	// The beginning of what was read may be in the middle of a statement, whose quotes are doubled.
	for _, quote := range []string{``, `""`, `""""`} {
		q := func(text string) string { return quote + text + quote }
		text := "2026-11-26 03:00:00.001 UTC," + q("root") + "," + q("shop") + ",42,[local],65f.2a,3,SELECT,2026-11-26 03:00:00 UTC,3/1,0,LOG,00000,duration: 9 ms,,,,,,,,,,,,0\n"
		for l := range (Log{Form: CSV, Text: []byte(text)}).Lines("duration") {
			if l.User != "" || l.Database != "" {
				t.Errorf("%q gave %+v", text, l)
			}
		}
	}
}

func TestWhereAClientIs(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]string{"10.0.0.7:5": "10.0.0.7", "[local]": "[local]", "fe80::1:5432": "fe80::1", "": ""} {
		if got := csvHost(from); got != want {
			t.Errorf("%q is at %q", from, got)
		}
	}
}

func FuzzLines(f *testing.F) {
	f.Add(stderrText, "%m [%p] %q%u@%d ", "duration")
	f.Add(csvText, "", "duration: ")
	f.Add(jsonText, "", "")
	f.Add("\xe4LOG:  x", "\xe4%-3\xe4", "x")
	f.Add("\t\nLOG:  \n\t", "%-5m%q%%%h%u%a%d%d(%", "")
	f.Fuzz(func(t *testing.T, text, prefix, begins string) {
		for _, form := range []Form{Stderr, CSV, JSON} {
			for l := range (Log{Form: form, Prefix: prefix, Text: []byte(text)}).Lines(begins) {
				if !strings.HasPrefix(l.Text, begins) {
					t.Errorf("%q with %q gave %+v", text, prefix, l)
				}
			}
		}
	})
}
