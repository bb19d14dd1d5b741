package ledger

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Verb is which statement of the transaction it was.
type Verb string

// The verbs, in the order of a transaction.
const (
	Connect Verb = "connect" // only when it failed
	Begin   Verb = "begin"
	Insert  Verb = "insert"
	Select  Verb = "select"
	Commit  Verb = "commit"
)

var verbs = []Verb{Connect, Begin, Insert, Select, Commit}

// Statement is one statement as its client saw it.
type Statement struct {
	Start time.Time     `json:"start"`
	Took  time.Duration `json:"took_ns"`
	Verb  Verb          `json:"verb"`
	State string        `json:"state,omitempty"` // why it failed: an SQLSTATE, "lost" or "timeout"
}

// StatementsFile is where the ledger of a file logs its statements: one a line, start in
// microseconds since 1970, microseconds it took, verb, and state if it failed.
func StatementsFile(file string) string { return file + ".statements" }

func (s Statement) appendTo(b []byte) []byte {
	b = strconv.AppendInt(b, s.Start.UnixMicro(), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, s.Took.Microseconds(), 10)
	b = append(b, ' ')
	b = append(b, s.Verb...)
	if s.State != "" {
		b = append(append(b, ' '), s.State...)
	}
	return append(b, '\n')
}

var errStatement = errors.New("not a line of a statements file")

func parseStatement(line string) (Statement, error) {
	f := strings.Split(line, " ")
	if len(f) < 3 || len(f) > 4 || !slices.Contains(verbs, Verb(f[2])) || len(f) == 4 && !plainState(f[3]) {
		return Statement{}, errStatement
	}
	start, errStart := strconv.ParseInt(f[0], 10, 64)
	took, errTook := strconv.ParseInt(f[1], 10, 64)
	const most = int64(1<<63-1) / int64(time.Microsecond)
	if errStart != nil || errTook != nil || took < 0 || took > most {
		return Statement{}, errStatement
	}
	s := Statement{Start: time.UnixMicro(start).UTC(), Took: time.Duration(took) * time.Microsecond, Verb: Verb(f[2])}
	if len(f) == 4 {
		s.State = f[3]
	}
	return s, nil
}

func plainState(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') })
}

// Statements are all statements of a ledger, in the order they ended.
type Statements []Statement

// ReadStatements reads the statements of the ledger that kept the file.
func ReadStatements(file string) (Statements, error) {
	f, err := os.Open(StatementsFile(file))
	if err != nil {
		return nil, fmt.Errorf("read the ledger's statements: %w", err)
	}
	defer f.Close()
	return decodeStatements(f)
}

// decodeStatements leaves out a torn last line: the ledger may have been killed, or be writing.
func decodeStatements(r io.Reader) (Statements, error) {
	var out Statements
	err := lines(r, func(i int, line []byte) error {
		s, err := parseStatement(string(line))
		if err != nil {
			return fmt.Errorf("read line %d of the ledger's statements: %w", i, err)
		}
		out = append(out, s)
		return nil
	})
	return out, err
}

// lines gives every whole line, counted from 1.
func lines(r io.Reader, each func(i int, line []byte) error) error {
	br := bufio.NewReader(r)
	for i := 1; ; i++ {
		line, err := br.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the ledger: %w", err)
		}
		if err := each(i, line[:len(line)-1]); err != nil {
			return err
		}
	}
}

// Around are the statements that were under way at some moment from..to.
func (s Statements) Around(from, to time.Time) Statements {
	var out Statements
	for _, x := range s {
		if !x.Start.After(to) && !x.Start.Add(x.Took).Before(from) {
			out = append(out, x)
		}
	}
	return out
}

// Longest is the one that took longest; the zero Statement when there is none.
func (s Statements) Longest() Statement {
	if len(s) == 0 {
		return Statement{}
	}
	return slices.MaxFunc(s, func(a, b Statement) int { return cmp.Compare(a.Took, b.Took) })
}

// Quantile is the time within which the fraction q of the statements ended, by nearest rank;
// 0 when there is none.
func (s Statements) Quantile(q float64) time.Duration {
	if len(s) == 0 {
		return 0
	}
	took := make([]time.Duration, len(s))
	for i, x := range s {
		took[i] = x.Took
	}
	slices.Sort(took)
	return took[rank(q, len(took))-1]
}

// Failed are those that failed.
func (s Statements) Failed() Statements {
	return slices.DeleteFunc(slices.Clone(s), func(x Statement) bool { return x.State == "" })
}
