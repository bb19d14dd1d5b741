package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// Outcome is how a transaction ended, as far as its client can know.
type Outcome string

// The three outcomes. Unknown: the connection was lost during COMMIT; looking settles it.
const (
	Acked   Outcome = "acked"
	Failed  Outcome = "failed"
	Unknown Outcome = "unknown"
)

var outcomes = []Outcome{Acked, Failed, Unknown}

const fileVersion = 1

// header is the first line of the file, entries are the others; both are JSON.
type header struct {
	Version int       `json:"lull_ledger"`
	Run     string    `json:"run"`
	Clients int       `json:"clients"`
	Rate    float64   `json:"rate"`
	Started time.Time `json:"started"`
}

// entry is one transaction.
type entry struct {
	Outcome Outcome   `json:"o"`
	Client  int       `json:"c"`
	N       int64     `json:"n"`
	Seq     int64     `json:"s,omitempty"`
	At      time.Time `json:"t"`
	Verb    Verb      `json:"at,omitempty"` // the statement that failed
	State   string    `json:"state,omitempty"`
	Error   string    `json:"error,omitempty"`
}

// Number names a transaction of a ledger: the client, and its own count.
type Number struct {
	Client int   `json:"client"`
	N      int64 `json:"n"`
}

func (n Number) String() string { return fmt.Sprintf("%d/%d", n.Client, n.N) }

func (e entry) number() Number { return Number{e.Client, e.N} }

func encodeLine(v any) []byte {
	line, err := json.Marshal(v)
	if err != nil {
		panic(err) // only a NaN could do it, and there is none
	}
	return append(line, '\n')
}

// file is what a ledger has written down.
type file struct {
	header  header
	entries []entry
}

func readFile(path string) (file, error) {
	f, err := os.Open(path)
	if err != nil {
		return file{}, fmt.Errorf("read the ledger: %w", err)
	}
	defer f.Close()
	return decodeFile(f)
}

var errNoLedger = errors.New("this is not the file of a ledger")

// decodeFile leaves out a torn last line: a ledger that was killed leaves one. Anything else
// that it cannot read is an error, because a commit that is left out is a commit not looked for.
func decodeFile(r io.Reader) (file, error) {
	var out file
	err := lines(r, func(i int, line []byte) error {
		if i == 1 {
			return decodeHeader(line, &out.header)
		}
		e, err := decodeEntry(line)
		if err != nil {
			return fmt.Errorf("read line %d of the ledger: %w", i, err)
		}
		out.entries = append(out.entries, e)
		return nil
	})
	if err == nil && out.header.Version == 0 {
		err = errNoLedger
	}
	return out, err
}

func decodeHeader(line []byte, h *header) error {
	if err := decodeLine(line, h); err != nil || h.Version < 1 || h.Run == "" {
		return errNoLedger
	}
	if h.Version != fileVersion {
		return fmt.Errorf("read the ledger: its version is %d, this program knows %d", h.Version, fileVersion)
	}
	return nil
}

func decodeEntry(line []byte) (entry, error) {
	var e entry
	if err := decodeLine(line, &e); err != nil {
		return e, err
	}
	if !slices.Contains(outcomes, e.Outcome) || e.Client < 1 || e.N < 1 {
		return e, errors.New("not a transaction")
	}
	return e, nil
}

func decodeLine(line []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one value")
	}
	return nil
}
