// Package pgbouncer is the gate made of a PgBouncer on this machine: PAUSE holds the
// clients, the entries of its configuration file say which server they go to.
//
// It must not know what is done while clients are held.
package pgbouncer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup/gate"
)

// Gate is one PgBouncer. Its methods are called one after the other.
type Gate struct {
	// Trace, when set, is told the name of each thing that has just been done.
	Trace func(name string)

	name     string
	brief    time.Duration // for a command of the console from the hold on
	file     configFile
	from, to gate.Addr
	places   places
	main     *console      // everything but PAUSE
	pauser   *console      // PAUSE answers only when it is over, and is given up by closing its connection
	old, new []byte        // the file before and after, once staged
	limit    string        // max_db_connections as configured, once staged
	hopeless map[pool]bool // pools whose logins the hold does not wait for
	foreign  bool          // the hold in force is somebody else's
	loose    bool          // a PAUSE that was not answered may still be on its way
	pidfile  string        // as the pooler says, once staged
	signaled time.Time     // when it was last told by signals
	resumed  time.Time     // when RESUME was last given, with a shortened login retry
}

var _ gate.Gate = (*Gate)(nil)

// New connects to nothing yet.
func New(p gate.Pooler, from, to gate.Addr) (*Gate, error) {
	file, err := openConfig(p.Config)
	if err != nil {
		return nil, hint.Wrap(err, "check the pooler's config in lull.yaml: it must be the file that PgBouncer was started with")
	}
	main, err := newConsole(p.Admin)
	if err != nil {
		return nil, err
	}
	pauser := &console{cfg: main.cfg}
	return &Gate{name: p.Name, brief: brief, file: file, from: from, to: to, main: main, pauser: pauser}, nil
}

func (g *Gate) did(name string) {
	if g.Trace != nil {
		g.Trace(name)
	}
}

func (g *Gate) atSource(ctx context.Context) points { return g.places.same(ctx, g.from) }
func (g *Gate) atTarget(ctx context.Context) points { return g.places.same(ctx, g.to) }

// Stage writes the new configuration beside the old one, opens the consoles, and makes
// the pooler read its file once, so that a file it does not read, or cannot, is noticed now.
func (g *Gate) Stage(ctx context.Context) error {
	if g.atSource(ctx)(g.to) {
		return hint.Errorf("give the target a port of its own in lull.yaml", "source %s and target %s are the same place", g.from, g.to)
	}
	old, err := g.file.read()
	if err != nil {
		return err
	}
	next, names, err := redirect(old, g.atSource(ctx), g.to)
	if err != nil {
		return fmt.Errorf("edit %s: %w", g.file.path, err)
	}
	if len(names) == 0 {
		return g.noEntry()
	}
	if err := g.readOnce(ctx, names); err != nil {
		return err
	}
	if err := g.pauser.open(ctx); err != nil {
		return err
	}
	if err := g.file.stage(next); err != nil {
		return err
	}
	g.old, g.new = old, next
	return g.shrink(ctx)
}

func (g *Gate) noEntry() error {
	return hint.Errorf("write the entry's host and port as lull.yaml writes the source's, or give the file that holds the entry",
		"no entry in [databases] of %s points at %s", g.file.path, g.from)
}

func (g *Gate) readOnce(ctx context.Context, names []string) error {
	if err := g.reload(ctx); err != nil {
		return err
	}
	rows, err := g.main.run(ctx, "SHOW CONFIG")
	if err != nil {
		return fmt.Errorf("ask the pooler for its settings: %w", err)
	}
	for _, r := range rows {
		switch r["key"] {
		case "max_db_connections":
			g.limit = r["value"]
		case "pidfile":
			g.pidfile = r["value"]
		}
	}
	running, err := g.runningAt(ctx, g.atSource(ctx))
	if err != nil {
		return err
	}
	return g.agree(running, names)
}

// agree compares the entries at the source that the pooler runs with those in the file.
// An entry made by the fallback "*" is in no file.
func (g *Gate) agree(running, names []string) error {
	for _, n := range names {
		if n != "*" && !slices.Contains(running, n) {
			return hint.Errorf("see the pooler's log: it may run with another file, or not accept this one",
				"the pooler does not run with the entry %q of %s", n, g.file.path)
		}
	}
	for _, n := range running {
		if !slices.Contains(names, n) && !slices.Contains(names, "*") {
			return hint.Errorf("put all entries of the server into one file and name that file in lull.yaml",
				"the pooler's entry %q points at %s and is not in %s", n, g.from, g.file.path)
		}
	}
	return nil
}

// runningAt gives the names of the entries that the pooler itself has at a server.
func (g *Gate) runningAt(ctx context.Context, at points) ([]string, error) {
	rows, err := g.main.run(ctx, "SHOW DATABASES")
	if err != nil {
		return nil, fmt.Errorf("ask the pooler for its databases: %w", err)
	}
	var out []string
	for _, r := range rows {
		if r["name"] == "pgbouncer" {
			continue
		}
		port, _ := strconv.Atoi(r["port"]) // PgBouncer's own number
		if slices.ContainsFunc(strings.Split(r["host"], ","), func(h string) bool { return at(gate.Addr{Host: h, Port: port}) }) {
			out = append(out, r["name"])
		}
	}
	return out, nil
}

// Where looks: held clients will go where the file says, others are where the pooler says.
// The file is also what is left to go by when the pooler does not answer.
func (g *Gate) Where(ctx context.Context) (at gate.Position, err error) {
	if at.Held, err = g.paused(ctx); err != nil {
		return g.byFile(ctx, fmt.Errorf("look whether clients are held: %w", err))
	}
	if !at.Held {
		at.Side, err = g.runningSide(ctx)
		err = unlessGone(err)
	}
	if err == nil && at.Side == gate.Nowhere {
		at.Side, err = g.fileSide(ctx)
	}
	return at, err
}

func (g *Gate) byFile(ctx context.Context, cause error) (gate.Position, error) {
	side, err := g.fileSide(ctx)
	if err != nil || side == gate.Nowhere || answered(cause) {
		return gate.Position{}, errors.Join(cause, err)
	}
	return gate.Position{Side: side, Held: true}, fmt.Errorf("%w: %w", gate.ErrPartly, cause)
}

// paused tells whether clients are held. A pooler that does not run has none.
func (g *Gate) paused(ctx context.Context) (bool, error) {
	held, err := g.main.paused(ctx)
	return held, unlessGone(err)
}

// unlessGone takes the error of a pooler whose process is gone for none. There is nothing
// to resume or reload in it: its clients are gone with it, and when it starts again it
// holds nobody and reads its file. One that only does not answer is not gone.
func unlessGone(err error) error {
	if gone(err) {
		return nil
	}
	return err
}

// gone says that the last attempt to connect found nobody there, and each before it nobody
// either, or one who was just ending.
func gone(err error) bool {
	var failed *pgconn.ConnectError
	if !errors.As(err, &failed) {
		return false
	}
	attempts := []error{failed.Unwrap()}
	if several, ok := attempts[0].(interface{ Unwrap() []error }); ok {
		attempts = several.Unwrap()
	}
	nobody := false
	for _, a := range attempts {
		nobody = errors.Is(a, syscall.ECONNREFUSED) || errors.Is(a, syscall.ENOENT)
		if !nobody && !errors.Is(a, syscall.ECONNRESET) {
			return false
		}
	}
	return nobody
}

func (g *Gate) runningSide(ctx context.Context) (gate.Side, error) {
	source, err := g.runningAt(ctx, g.atSource(ctx))
	if err != nil || len(source) > 0 {
		return gate.Source, err
	}
	target, err := g.runningAt(ctx, g.atTarget(ctx))
	if err != nil || len(target) > 0 {
		return gate.Target, err
	}
	return gate.Nowhere, nil
}

func (g *Gate) fileSide(ctx context.Context) (gate.Side, error) {
	b, err := g.file.read()
	if err != nil {
		return gate.Nowhere, err
	}
	all, err := entries(b)
	if err != nil {
		return gate.Nowhere, fmt.Errorf("read %s: %w", g.file.path, err)
	}
	side := gate.Nowhere
	for _, e := range all {
		if hit, err := e.pointsAt(g.atSource(ctx)); err != nil || hit {
			return gate.Source, err
		}
		if hit, err := e.pointsAt(g.atTarget(ctx)); err == nil && hit {
			side = gate.Target
		}
	}
	return side, nil
}

// settling is how long logins that PAUSE cut off take to be made again: the client that
// waits for one is still there, and so is the janitor that keeps min_pool_size.
const settling = time.Second

// Close closes the consoles. After a RESUME it waits a moment, and makes the pooler read
// from its file what Stage and RESUME shortened.
func (g *Gate) Close() {
	if g.new != nil || !g.resumed.IsZero() {
		time.Sleep(time.Until(g.resumed.Add(settling)))
		// On an error the pooler tries logins more often and keeps servers less long than configured, until its next RELOAD.
		_, _ = g.main.run(context.Background(), "RELOAD")
		g.resumed = time.Time{}
	}
	if g.new != nil {
		g.file.settle()
	}
	g.main.close()
	g.pauser.close()
}
