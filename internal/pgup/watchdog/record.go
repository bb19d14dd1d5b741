package watchdog

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup/gate"
)

// What a watchdog writes down.
const (
	Ready     = "ready"     // everything is staged
	Held      = "held"      // no transaction is running
	Committed = "committed" // clients are on the target
	Released  = "released"  // clients are on the source
	Stuck     = "stuck"     // the hold could not be ended
	Settled   = "settled"   // a later process looked, and ended what was left
	Open      = "open"      // clients are on the source, and the target could not be closed yet
)

// Event is a line of the record.
type Event struct {
	At    time.Time   `json:"at"`
	What  string      `json:"what"`
	Side  gate.Side   `json:"side,omitempty"`
	Why   string      `json:"why,omitempty"`
	Marks []gate.Mark `json:"marks,omitempty"`
	// Proof is what the controller gave with its word to commit.
	Proof json.RawMessage `json:"proof,omitempty"`
}

// record is the file, and the lock on it that keeps two from acting at once. The lock
// ends with its process.
type record struct {
	file *os.File
	err  error
}

// openRecord waits until nobody else has the record.
func openRecord(ctx context.Context, path string) (*record, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the watchdog's record: %w", err)
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return &record{file: file}, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			file.Close()
			return nil, fmt.Errorf("lock the watchdog's record: %w", err)
		}
		select {
		case <-ctx.Done():
			file.Close()
			return nil, hint.Errorf("wait a moment and run the same command again", "another watchdog is at work: %w", ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// add writes a line. What cannot be written now is reported by sync: the clients come first.
func (r *record) add(e Event) {
	if e.At.IsZero() {
		e.At = time.Now()
	}
	b, err := json.Marshal(e)
	if err == nil {
		_, err = r.file.Write(append(b, '\n'))
	}
	r.err = errors.Join(r.err, err)
}

func (r *record) sync() error {
	if err := errors.Join(r.err, r.file.Sync()); err != nil {
		return fmt.Errorf("write the watchdog's record: %w", err)
	}
	return nil
}

func (r *record) close() { r.file.Close() }

// ReadRecord reads what watchdogs wrote down. No file is an empty record, and a last
// line that was cut off by a crash is left out.
func ReadRecord(path string) ([]Event, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the watchdog's record: %w", err)
	}
	return decodeRecord(b)
}

func decodeRecord(b []byte) ([]Event, error) {
	b = b[:bytes.LastIndexByte(b, '\n')+1]
	var out []Event
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, len(b)+1)
	for n := 1; lines.Scan(); n++ {
		var e Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("read the watchdog's record, line %d: %w", n, err)
		}
		out = append(out, e)
	}
	return out, lines.Err()
}
