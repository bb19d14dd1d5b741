package seed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strconv"
)

// HasChecksums says whether the target's pages carry data checksums.
func (p Physical) HasChecksums(ctx context.Context) (bool, error) {
	c, err := ReadControl(ctx, p.New, p.Data)
	return c.Checksums, err
}

// EnableChecksums writes one into every page of the target, which does not run. Only then does its control
// file say so, so that a try that is cut off changed nothing that counts and is made again.
// tell is given bytes done and in all.
//
// It is done with the new version's program after pg_upgrade, which wants both sides alike: versions before 12 have none.
func (p Physical) EnableChecksums(ctx context.Context, tell func(done, total float64)) error {
	if err := p.halt(ctx, p.New, p.Data); err != nil {
		return err
	}
	cmd := p.New.Command(ctx, "pg_checksums", "--enable", "--progress", "--pgdata", p.Data)
	said, err := cmd.StderrPipe()
	if err != nil {
		return fmt.Errorf("turn data checksums on: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("turn data checksums on: %w", err)
	}
	last := watchChecksums(said, tell)
	if err := cmd.Wait(); err != nil {
		var ended *exec.ExitError
		if errors.As(err, &ended) {
			return fmt.Errorf("turn data checksums on with pg_checksums: %w: %s", err, tail(last))
		}
		return fmt.Errorf("turn data checksums on: %w", err)
	}
	return nil
}

// checksumProgress is a line of pg_checksums: "12/1024 MB (1%) computed".
var checksumProgress = regexp.MustCompile(`(\d+)/(\d+) MB \(\d+%\)`)

// watchChecksums reads to the end, and keeps what is no progress.
func watchChecksums(r io.Reader, tell func(done, total float64)) (rest []byte) {
	buffer := make([]byte, 4096)
	for {
		n, err := r.Read(buffer)
		said := buffer[:n]
		if m := checksumProgress.FindAllSubmatch(said, -1); len(m) > 0 {
			done, _ := strconv.ParseFloat(string(m[len(m)-1][1]), 64) // digits only
			total, _ := strconv.ParseFloat(string(m[len(m)-1][2]), 64)
			tell(done*(1<<20), total*(1<<20))
		} else {
			rest = append(rest, bytes.TrimLeft(said, "\r")...)
		}
		if err != nil {
			return rest
		}
	}
}
