package demo

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/ledger"
)

// Transaction is one of the load's, as its client saw it.
type Transaction struct {
	Client int
	Script int
	Start  time.Time
	Took   time.Duration
	Failed bool
}

// LoadResult is what a load did.
type LoadResult struct {
	Transactions []Transaction
	Statements   int // of all transactions that ended well
	Failed       int // transactions, and clients that gave up
	Errors       []string
}

// count adds the statements up, by the number that each script has.
func (r *LoadResult) count(perScript []int) error {
	r.Failed = len(aborts(r.Errors))
	for _, t := range r.Transactions {
		switch {
		case t.Script >= len(perScript):
			return fmt.Errorf("read the load's log: it speaks of script %d of %d", t.Script, len(perScript))
		case t.Failed:
			r.Failed++
		default:
			r.Statements += perScript[t.Script]
		}
	}
	if r.Failed == 0 && len(r.Errors) > 0 {
		r.Failed = len(r.Errors) // whatever it was, it was not nothing
	}
	return nil
}

// Times are the transactions that ended well, as spans of time: what their clients waited,
// from when they were sent and not from when they were due.
func (r LoadResult) Times() ledger.Statements {
	var out ledger.Statements
	for _, t := range r.Transactions {
		if !t.Failed {
			out = append(out, ledger.Statement{Start: t.Start, Took: t.Took})
		}
	}
	return out
}

// loadErrors are the lines in which pgbench complains.
func loadErrors(said []byte) []string {
	var out []string
	for line := range strings.Lines(string(said)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "pgbench: error:") {
			out = append(out, line)
		}
	}
	return out
}

// aborts are clients that gave up: with an error that is not worth a second try, pgbench
// goes on without the client, and its transaction is in no log.
func aborts(errs []string) []string {
	var out []string
	for _, line := range errs {
		if strings.Contains(line, "pgbench: error: client ") && strings.Contains(line, "abort") {
			out = append(out, line)
		}
	}
	return out
}

var errLoadLog = errors.New("not a line of pgbench's log")

// decodeLoadLog reads pgbench's log of transactions (manual, "Per-Transaction Logging"). A torn
// last line is left out.
func decodeLoadLog(r io.Reader) ([]Transaction, error) {
	var out []Transaction
	br := bufio.NewReader(r)
	for i := 1; ; i++ {
		line, err := br.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the load's log: %w", err)
		}
		t, err := parseTransaction(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return nil, fmt.Errorf("read line %d of the load's log: %w", i, err)
		}
		out = append(out, t)
	}
}

// failures are the words in place of a time (pgbench.c, getResultString).
var failures = map[string]bool{"failed": true, "serialization": true, "deadlock": true, "skipped": true}

// parseTransaction reads: client number time script end_s end_us lag. With a rate, time counts from
// the moment at which the transaction was due, and lag is how much later it was sent.
func parseTransaction(line string) (Transaction, error) {
	f := strings.Split(line, " ")
	if len(f) != 7 {
		return Transaction{}, errLoadLog
	}
	t := Transaction{Failed: failures[f[2]]}
	var n [7]int64
	for i, text := range f {
		if i == 2 && t.Failed {
			continue
		}
		var err error
		if n[i], err = strconv.ParseInt(text, 10, 64); err != nil || n[i] < 0 || n[i] > math.MaxInt32 && i != 2 && i != 6 {
			return Transaction{}, errLoadLog
		}
	}
	const century = int64(100 * 365 * 24 * time.Hour / time.Microsecond)
	took := n[2] - n[6]
	if t.Failed {
		took = 0
	}
	if took < 0 || n[2] > century || n[6] > century || n[5] > 999_999 {
		return Transaction{}, errLoadLog
	}
	end := time.Unix(n[4], n[5]*int64(time.Microsecond)).UTC()
	t.Client, t.Script, t.Took = int(n[0]), int(n[3]), time.Duration(took)*time.Microsecond
	t.Start = end.Add(-t.Took)
	return t, nil
}
