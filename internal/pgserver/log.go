package pgserver

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/lullhq/lull/internal/hint"
)

func (s Server) log() string { return or(s.LogFile, s.Data+".log") }

func (s Server) logEnd() int64 { return size(s.log()) }

// started explains a start that failed by what the server has logged since mark.
func (s Server) started(err error, mark int64) error {
	return explain(err, "start the server in "+s.Data, s.log(), mark)
}

func size(file string) int64 {
	info, err := os.Stat(file)
	if err != nil {
		return 0
	}
	return info.Size()
}

// explain adds the end of the log, from mark on, to the error of a server that did not start.
func explain(err error, doing, file string, mark int64) error {
	if err == nil {
		return nil
	}
	said, readErr := os.ReadFile(file)
	if readErr != nil {
		return fmt.Errorf("%s: %w", doing, errors.Join(err, readErr))
	}
	text := lastLines(said[min(mark, int64(len(said))):])
	err = fmt.Errorf("%s: %w: %s", doing, err, text)
	if strings.Contains(text, "Address already in use") {
		err = hint.Wrap(err, "choose another port, or stop what listens there")
	}
	return err
}

// lastLines keeps the end of a program's output: the error is there.
func lastLines(out []byte) string {
	const kept = 10
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return strings.Join(lines[max(0, len(lines)-kept):], "\n")
}
