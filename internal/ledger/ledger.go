// Package ledger is a client that can prove afterwards what a database kept of what it
// acknowledged: it writes numbered transactions through a connection string, keeps its own
// file of every acknowledged commit, watches order and visibility while it writes, measures
// each statement, and later looks every commit up.
//
// It must not know that there is a maintenance: nothing of plans, switches or poolers. Its
// word counts only because it is an ordinary client like any other.
package ledger

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/hint"
)

// Options say where and how much to write.
type Options struct {
	DSN      string
	File     string        // of acknowledged commits; it must not exist yet
	Clients  int           // 0 is 4
	Rate     float64       // transactions a second of all clients together, 0 is 50
	Duration time.Duration // 0 is until the context ends
	Timeout  time.Duration // of one statement, 0 is 30 s: an application's patience
}

const (
	defaultClients = 4
	defaultRate    = 50
	defaultTimeout = 30 * time.Second

	flushEvery   = 100 * time.Millisecond
	summaryEvery = time.Second
	backoff      = 50 * time.Millisecond // after a failure, before the next connection
	parting      = 5 * time.Second       // for transactions under way when the end comes
)

func (o Options) withDefaults() Options {
	if o.Clients == 0 {
		o.Clients = defaultClients
	}
	if o.Rate == 0 {
		o.Rate = defaultRate
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	return o
}

func (o Options) check() error {
	switch {
	case o.File == "":
		return hint.Errorf("name a file that does not exist yet", "start the ledger: no file for its commits")
	case o.Clients < 0 || o.Rate < 0 || o.Duration < 0 || o.Timeout < 0:
		return hint.Errorf("clients, rate, duration and timeout are positive", "start the ledger: a number is negative")
	}
	return nil
}

// Run writes until the context or the duration ends. What the database does to it is no
// error: it counts that, connects again and goes on. Only a ledger that cannot begin, or
// cannot keep its own files, ends with one.
func Run(ctx context.Context, o Options) (Summary, error) {
	if err := o.check(); err != nil {
		return Summary{}, err
	}
	o = o.withDefaults()
	config, err := connConfig(o.DSN)
	if err != nil {
		return Summary{}, err
	}
	if err := prepare(ctx, config); err != nil {
		return Summary{}, err
	}
	run := newRunID()
	b, err := openBook(o.File, header{Version: fileVersion, Run: run, Clients: o.Clients, Rate: o.Rate, Started: time.Now().UTC()})
	if err != nil {
		return Summary{}, err
	}
	if o.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Duration)
		defer cancel()
	}
	return b.keep(ctx, func(ctx context.Context) { write(ctx, b, config, run, o) })
}

// write runs the clients until the context ends.
func write(ctx context.Context, b *book, config *pgx.ConnConfig, run string, o Options) {
	last, cancel := outlive(ctx, parting)
	defer cancel()
	pace := newPace(o.Rate, time.Now())
	var clients sync.WaitGroup
	for i := range o.Clients {
		c := &client{id: i + 1, run: run, config: config, book: b, timeout: o.Timeout}
		clients.Go(func() { c.write(ctx, last, pace) })
	}
	clients.Wait()
}

// outlive gives a context that ends a while after ctx does.
func outlive(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	last, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(by):
			cancel()
		case <-last.Done():
		}
	})
	return last, func() { stop(); cancel() }
}

// connConfig asks for nothing that a pooler in transaction mode cannot give: no prepared
// statement with a name, no state of the session.
func connConfig(dsn string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("read the connection string: %w", err), `such as "host=127.0.0.1 port=6432 user=app dbname=app"`)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.StatementCacheCapacity, config.DescriptionCacheCapacity = 0, 0
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "lull ledger"
	}
	return config, nil
}

// newRunID is a random UUID (RFC 9562, version 4).
func newRunID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, says its documentation
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// pace hands out the moments at which transactions are due, whatever the last ones took, so
// that a wait does not lower the load that follows it.
type pace struct {
	mu       sync.Mutex
	next     time.Time
	interval time.Duration
}

// most that the pace makes up for after a wait.
const arrears = time.Second

func newPace(rate float64, start time.Time) *pace {
	return &pace{next: start, interval: time.Duration(float64(time.Second) / rate)}
}

func (p *pace) due(now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	due := p.next
	if oldest := now.Add(-arrears); due.Before(oldest) {
		due = oldest
	}
	p.next = due.Add(p.interval)
	return due
}

// wait returns false when the context ended first.
func (p *pace) wait(ctx context.Context) bool {
	now := time.Now()
	return sleep(ctx, p.due(now).Sub(now))
}

func sleep(ctx context.Context, d time.Duration) bool {
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-ctx.Done():
		case <-t.C:
		}
	}
	return ctx.Err() == nil
}
