package demo

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// As pgbench 17 writes it with --rate and --failures-detailed.
const someLog = `0 1 13812 0 1795376655 515976 161
1 1 10177 1 1795376655 527499 97
0 2 serialization 0 1795376655 562408 2360
1 2 2648 0 1795376655 563159 2648
`

func TestDecodeLoadLog(t *testing.T) {
	t.Parallel()
	got, err := decodeLoadLog(strings.NewReader(someLog + "0 3 11"))
	if err != nil || len(got) != 4 {
		t.Fatalf("got %v, %v", got, err)
	}
	first := Transaction{Took: 13651 * time.Microsecond, Start: time.Unix(1795376655, 515976000).UTC().Add(-13651 * time.Microsecond)}
	if got[0] != first {
		t.Errorf("got %v, want %v", got[0], first)
	}
	if !got[2].Failed || got[2].Took != 0 || got[3].Took != 0 || got[1].Script != 1 {
		t.Errorf("got %v", got)
	}
	r := LoadResult{Transactions: got}
	if err := r.count([]int{7, 9}); err != nil || r.Statements != 7+9+7 || r.Failed != 1 || len(r.Times()) != 3 {
		t.Errorf("got %+v, %v", r, err)
	}
	if err := r.count([]int{7}); err == nil {
		t.Error("a script that nobody gave was counted")
	}
}

func TestDecodeLoadLogRefuses(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"", "0 1 5 0 1 1", "0 1 5 0 1 1 1 1", "0 1 late 0 1 1 1", "0 1 5 0 1 1 9", "-1 1 5 0 1 1 1", "0 1 5 0 1 1000000 1", "0 1 5  1 1 1", "0 1 9223372036854775807 0 1 1 1"} {
		if got, err := decodeLoadLog(strings.NewReader(line + "\n")); err == nil {
			t.Errorf("%q: got %v", line, got)
		}
	}
}

func FuzzDecodeLoadLog(f *testing.F) {
	f.Add([]byte(someLog))
	f.Add([]byte("0 1 skipped 0 1795376655 515976 161\n0"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := decodeLoadLog(bytes.NewReader(b))
		if err != nil {
			return
		}
		if len(got) != bytes.Count(b, []byte("\n")) {
			t.Errorf("%d lines gave %d transactions", bytes.Count(b, []byte("\n")), len(got))
		}
		for _, x := range got {
			if end := x.Start.Add(x.Took); x.Took < 0 || end.Unix() < 0 || end.Unix() > 1<<31-1 || x.Client < 0 || x.Script < 0 {
				t.Errorf("got %+v", x)
			}
		}
	})
}

// What pgbench 17 says when the server ends a client's connection.
const someErrors = `pgbench (17.12)
progress: 1.0 s, 50.0 tps, lat 2.5 ms stddev 2.5, 0 failed, lag 0.2 ms
pgbench: error: client 0 script 0 aborted in command 4 query 0: FATAL:  terminating connection due to administrator command
pgbench: error: client 1 aborted while establishing connection
pgbench: error: Run was aborted; the above results are incomplete.
`

func TestAbortedClientsAreFailures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		said string
		want int
	}{{"", 0}, {someErrors, 2}, {"pgbench: error: something new\n", 1}} {
		r := LoadResult{Errors: loadErrors([]byte(c.said))}
		if err := r.count(nil); err != nil || r.Failed != c.want {
			t.Errorf("%q: %d failed, want %d (%v)", c.said, r.Failed, c.want, err)
		}
	}
}

func TestCountStatements(t *testing.T) {
	t.Parallel()
	if got := countStatements(workloadSQL); got != 9 {
		t.Errorf("the workload has %d statements", got)
	}
	script := "-- tpcb;\n\\set a 1;\nBEGIN;\nSELECT 1,\n 2;\nSELECT 3 AS x \\gset\nEND;\n"
	if got := countStatements([]byte(script)); got != 4 {
		t.Errorf("got %d statements of %q", got, script)
	}
}

func TestFromEnviron(t *testing.T) {
	t.Parallel()
	env := func(pairs ...string) func(string) string {
		return func(name string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == name {
					return pairs[i+1]
				}
			}
			return ""
		}
	}
	o, err := FromEnviron(env())
	if err != nil || !reflect.DeepEqual(o, Options{Dir: ".demo", Majors: Majors{13, 17}, Scale: 6, Rate: 200, Clients: 8}) {
		t.Errorf("got %+v, %v", o, err)
	}
	o, err = FromEnviron(env("FROM", "17", "TO", "18", "SCALE", "100", "RATE", "400", "CLIENTS", "16", "KEEP", "1"))
	if err != nil || !reflect.DeepEqual(o, Options{Dir: ".demo", Majors: Majors{17, 18}, Scale: 100, Rate: 400, Clients: 16, Keep: true}) {
		t.Errorf("got %+v, %v", o, err)
	}
	for _, bad := range []string{"0", "-1", "many", "1e9", "1000000"} {
		if _, err := FromEnviron(env("RATE", bad)); err == nil || !strings.Contains(fmt.Sprint(err), "RATE") {
			t.Errorf("%s: got %v", bad, err)
		}
	}
	for _, bad := range [][2]string{{"17", "13"}, {"17", "17"}, {"9", "17"}, {"13", "99"}} {
		if _, err := FromEnviron(env("FROM", bad[0], "TO", bad[1])); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
}
