package ledger

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"
	"pgregory.net/rapid"
)

const someFile = `{"lull_ledger":1,"run":"00000000-0000-4000-8000-000000000001","clients":2,"rate":50,"started":"2026-12-05T04:00:00Z"}
{"o":"acked","c":1,"n":1,"s":1,"t":"2026-12-05T04:00:00.5Z"}
{"o":"unknown","c":2,"n":1,"s":2,"t":"2026-12-05T04:00:00.6Z","at":"commit","state":"57P01","error":"terminating connection"}
{"o":"failed","c":2,"n":2,"t":"2026-12-05T04:00:00.7Z","at":"begin","state":"lost","error":"unexpected EOF"}
`

func TestDecodeFile(t *testing.T) {
	t.Parallel()
	whole, err := decodeFile(strings.NewReader(someFile))
	if err != nil || len(whole.entries) != 3 || whole.header.Clients != 2 || whole.entries[1].Outcome != Unknown || whole.entries[2].Verb != Begin {
		t.Fatalf("got %+v, %v", whole, err)
	}
	last := strings.LastIndex(strings.TrimSuffix(someFile, "\n"), "\n") + 1
	for end := last; end < len(someFile); end++ {
		torn, err := decodeFile(strings.NewReader(someFile[:end]))
		if err != nil || len(torn.entries) != 2 {
			t.Fatalf("torn at %d: got %d entries, %v", end, len(torn.entries), err)
		}
	}
}

func TestDecodeFileRefuses(t *testing.T) {
	t.Parallel()
	head, rest, _ := strings.Cut(someFile, "\n")
	for name, text := range map[string]string{
		"nothing":        "",
		"no header":      rest,
		"torn header":    head[:20],
		"another format": strings.Replace(someFile, `"lull_ledger":1`, `"lull_ledger":2`, 1),
		"no outcome":     strings.Replace(someFile, `"o":"acked"`, `"o":"lost"`, 1),
		"no number":      strings.Replace(someFile, `"n":1`, `"n":0`, 1),
		"torn inside":    strings.Replace(someFile, `"s":1,"t":"2026-12-05T04:00:00.5Z"}`, ``, 1),
		"two in a line":  strings.Replace(someFile, "}\n{\"o\":\"unknown\"", "}{\"o\":\"unknown\"", 1),
		"unknown key":    strings.Replace(someFile, `"s":1`, `"x":1`, 1),
	} {
		if f, err := decodeFile(strings.NewReader(text)); err == nil {
			t.Errorf("%s: got %+v", name, f)
		}
	}
}

func FuzzDecodeFile(f *testing.F) {
	f.Add([]byte(someFile))
	f.Add([]byte(someFile[:len(someFile)-9]))
	f.Add([]byte("{\"lull_ledger\":1,\"run\":\"x\"}\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := decodeFile(bytes.NewReader(b))
		if err != nil {
			return
		}
		again := encodeLine(got.header)
		for _, e := range got.entries {
			again = append(again, encodeLine(e)...)
		}
		same, err := decodeFile(bytes.NewReader(again))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, same, cmp.AllowUnexported(file{}, header{}, entry{})); diff != "" {
			t.Error(diff)
		}
	})
}

func FuzzDecodeStatements(f *testing.F) {
	f.Add([]byte("1763839999123456 812 insert\n1763839999124456 9 commit 57P01\n17638399991"))
	f.Add([]byte("0 0 connect lost\n"))
	f.Add([]byte("-1 9223372036854775807 begin\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := decodeStatements(bytes.NewReader(b))
		if err != nil {
			return
		}
		var again []byte
		for _, s := range got {
			again = s.appendTo(again)
		}
		same, err := decodeStatements(bytes.NewReader(again))
		if err != nil || !reflect.DeepEqual(got, same) {
			t.Errorf("%v, then %v, %v", got, same, err)
		}
	})
}

func TestCommittedByWhatTheAnswerSays(t *testing.T) {
	t.Parallel()
	answer := func(severity, code string) error { return &pgconn.PgError{Severity: severity, Code: code} }
	for _, c := range []struct {
		err  error
		want Outcome
	}{
		{nil, Acked},
		{errRolledBack, Failed},
		{answer("ERROR", "23503"), Failed},
		{answer("ERROR", "40001"), Failed},
		{answer("ERROR", "08006"), Unknown},
		{answer("FATAL", "57P01"), Unknown},
		{answer("FATAL", "08P01"), Unknown},
		{answer("PANIC", "XX000"), Unknown},
		{errors.New("unexpected EOF"), Unknown},
	} {
		if got := committed(failureOf(c.err)); got != c.want {
			t.Errorf("%v: got %s, want %s", c.err, got, c.want)
		}
	}
}

func TestWindows(t *testing.T) {
	t.Parallel()
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)).UTC() }
	all := Statements{
		{Start: at(0), Took: 5 * time.Millisecond, Verb: Begin},
		{Start: at(90), Took: 20 * time.Millisecond, Verb: Begin},
		{Start: at(100), Took: time.Millisecond, Verb: Commit, State: "57P01"},
		{Start: at(200), Took: 90 * time.Millisecond, Verb: Insert},
	}
	held := all.Around(at(95), at(150))
	if len(held) != 2 || held.Longest() != all[1] || len(held.Failed()) != 1 {
		t.Errorf("got %v", held)
	}
	if got := all.Quantile(.5); got != 5*time.Millisecond {
		t.Errorf("median is %s", got)
	}
	if got := all.Quantile(.99); got != 90*time.Millisecond {
		t.Errorf("p99 is %s", got)
	}
	if none := all.Around(at(1000), at(2000)); none.Quantile(.5) != 0 || none.Longest() != (Statement{}) {
		t.Errorf("got %v", none)
	}
}

// The histogram is never below the exact quantile, and less than a 64th above it.
func TestHistogramAgainstTheExactOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		took := rapid.SliceOfN(rapid.Int64Range(0, int64(time.Hour/time.Microsecond)), 1, 200).Draw(t, "took")
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		var h histogram
		var exact Statements
		for _, us := range took {
			d := time.Duration(us) * time.Microsecond
			h.add(d)
			exact = append(exact, Statement{Took: d})
		}
		got, want := h.quantile(q), exact.Quantile(q)
		if got < want || got > want+want/64 {
			t.Errorf("quantile %v: got %s, want %s", q, got, want)
		}
		if h.quantile(1) != exact.Longest().Took {
			t.Errorf("the longest is %s, not %s", exact.Longest().Took, h.quantile(1))
		}
	})
}

func TestHistogramHoldsTheLongest(t *testing.T) {
	t.Parallel()
	var h histogram
	h.add(1<<63 - 1)
	h.add(-1)
	if h.quantile(1) != 1<<63-1 || h.quantile(0) != 0 {
		t.Errorf("got %v and %v", h.quantile(1), h.quantile(0))
	}
}

// A wait is made up for, but not more than a second of it.
func TestPaceCatchesUp(t *testing.T) {
	t.Parallel()
	start := time.Unix(0, 0)
	p := newPace(100, start)
	if got := p.due(start); !got.Equal(start) {
		t.Errorf("the first is due at %v", got)
	}
	if got := p.due(start.Add(300 * time.Millisecond)); !got.Equal(start.Add(10 * time.Millisecond)) {
		t.Errorf("after a short wait the next is due at %v", got)
	}
	if got := p.due(start.Add(time.Minute)); !got.Equal(start.Add(time.Minute - time.Second)) {
		t.Errorf("after a long wait the next is due at %v", got)
	}
}

func TestTallyKeepsTheLongest(t *testing.T) {
	t.Parallel()
	var y tally
	y.sum.States = map[string]int64{}
	for i := range 100 {
		y.statement(Statement{Took: time.Duration(i*37%100) * time.Millisecond, Verb: Begin})
	}
	got := y.summary(time.Unix(0, 0)).LongestMoments
	if len(got) != keptLongest || got[0].Millis != 99 || got[keptLongest-1].Millis != 80 {
		t.Errorf("got %v", got)
	}
}
