package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/hint"
)

// book is what all clients of a run write down: their files, and the counts of the summary.
type book struct {
	path string

	mu         sync.Mutex
	entries    journal
	statements journal
	tally      tally
	last       Number // the newest commit acknowledged to anyone
	highest    int64  // the highest sequence value acknowledged to anyone
}

// journal collects lines for a file. They are written outside of the lock, so that a slow
// disk does not slow the clients.
type journal struct {
	file    *os.File
	pending []byte
}

func openBook(path string, h header) (*book, error) {
	b := &book{path: path, tally: newTally(h)}
	for _, x := range []struct {
		journal *journal
		path    string
	}{{&b.entries, path}, {&b.statements, StatementsFile(path)}} {
		// Append only, and never to what another run wrote: one file is one run.
		f, err := os.OpenFile(x.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o644)
		if err != nil {
			return nil, hint.Wrap(errors.Join(fmt.Errorf("make the ledger's file: %w", err), b.close()), "name a file that does not exist yet, in a folder that does")
		}
		x.journal.file = f
	}
	b.entries.pending = encodeLine(h)
	return b, nil
}

func (b *book) close() error {
	var failed error
	for _, j := range []*journal{&b.entries, &b.statements} {
		if j.file != nil {
			failed = errors.Join(failed, j.file.Close())
		}
	}
	return failed
}

// keep does the work and writes down what it enters, until it ends. A file that cannot be
// written ends it: a ledger with holes proves nothing.
func (b *book) keep(ctx context.Context, work func(context.Context)) (Summary, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	go func() { defer close(done); work(ctx) }()
	failed := b.writeUntil(done)
	cancel()
	<-done
	failed = errors.Join(failed, b.flush(), b.close())
	sum := b.summary(time.Now())
	sum.Ended = time.Now().UTC()
	return sum, errors.Join(failed, writeSummary(b.path, sum))
}

func (b *book) writeUntil(done <-chan struct{}) error {
	flush, summary := time.NewTicker(flushEvery), time.NewTicker(summaryEvery)
	defer flush.Stop()
	defer summary.Stop()
	for {
		var err error
		select {
		case <-done:
			return nil
		case <-flush.C:
			err = b.flush()
		case now := <-summary.C:
			err = writeSummary(b.path, b.summary(now))
		}
		if err != nil {
			return err
		}
	}
}

func (b *book) flush() error {
	b.mu.Lock()
	entries, statements := b.entries.pending, b.statements.pending
	b.entries.pending, b.statements.pending = nil, nil
	b.mu.Unlock()
	_, errEntries := b.entries.file.Write(entries)
	_, errStatements := b.statements.file.Write(statements)
	if err := errors.Join(errEntries, errStatements); err != nil {
		return fmt.Errorf("write the ledger: %w", err)
	}
	return nil
}

// newest is what a transaction that begins now must see, and the sequence value it must exceed.
func (b *book) newest() (Number, int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last, b.highest
}

// enter writes down how a transaction ended. It is called after the answer to its COMMIT.
func (b *book) enter(e entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.entries.pending = append(b.entries.pending, encodeLine(e)...)
	b.tally.outcome(e)
	if e.Outcome == Acked {
		b.last, b.highest = e.number(), max(b.highest, e.Seq)
	}
}

func (b *book) time(s Statement) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.statements.pending = s.appendTo(b.statements.pending)
	b.tally.statement(s)
}

// compare holds what a transaction saw against what it must see.
func (b *book) compare(e entry, newest Number, seen int, floor int64) {
	want := 2
	if newest.N == 0 {
		want = 1
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now().UTC()
	if seen != want {
		b.tally.found(Finding{At: now, Kind: StaleRead, Number: e.number(),
			Text: fmt.Sprintf("of commit %s, which was acknowledged, and its own row it sees %d instead of %d", newest, seen, want)})
	}
	if e.Seq <= floor {
		b.tally.found(Finding{At: now, Kind: SequenceBack, Number: e.number(),
			Text: fmt.Sprintf("the sequence gave %d after %d was acknowledged", e.Seq, floor)})
	}
}

func (b *book) summary(now time.Time) Summary {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tally.summary(now)
}
