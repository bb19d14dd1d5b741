// Package planstep holds the small steps of a plan: a command, a question to a person,
// a wait, a query with one answer.
//
// It must not know of the upgrade, of sites or of the store.
package planstep

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/term"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/run"
)

// remembered is a step without an effect that could be looked at: it has passed when it says so.
type remembered struct{ name string }

// Name implements run.Step.
func (r remembered) Name() string { return r.name }

// Observe implements run.Step.
func (r remembered) Observe(_ context.Context, rec run.Recorder) (run.Observation, error) {
	var passed bool
	if _, err := rec.Memo(&passed); err != nil || !passed {
		return run.Observation{Presence: run.Absent}, err
	}
	return run.Observation{Presence: run.Done}, nil
}

// Undo implements run.Step.
func (r remembered) Undo(context.Context, run.Recorder) error { return nil }

// Command runs a program.
type Command struct {
	remembered
	argv, undo []string
}

// NewCommand makes the step. undo may be empty.
func NewCommand(name string, argv, undo []string) *Command {
	return &Command{remembered{name}, argv, undo}
}

// Apply implements run.Step.
func (c *Command) Apply(ctx context.Context, rec run.Recorder) error {
	if err := execute(ctx, c.argv); err != nil {
		return err
	}
	return rec.Keep(ctx, true)
}

// Undo implements run.Step.
func (c *Command) Undo(ctx context.Context, _ run.Recorder) error {
	if len(c.undo) == 0 {
		return nil
	}
	return execute(ctx, c.undo)
}

func execute(ctx context.Context, argv []string) error {
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	if err == nil {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	err = fmt.Errorf("run %s: %w: %s", argv[0], err, strings.Join(lines[max(0, len(lines)-5):], "\n"))
	return hint.Wrap(err, "mend it, then type the same command again")
}

// Confirm asks a person.
type Confirm struct {
	remembered
	question string
}

// NewConfirm makes the step.
func NewConfirm(name, question string) *Confirm { return &Confirm{remembered{name}, question} }

// Apply implements run.Step.
func (c *Confirm) Apply(ctx context.Context, rec run.Recorder) error {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return hint.Errorf("type the same command on a terminal", "the plan asks a person here: %s", c.question)
	}
	answer := make(chan string, 1)
	go func() { answer <- ask(os.Stdin, os.Stderr, c.question) }()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case a := <-answer:
		if a != "yes" {
			return hint.Errorf("type the same command again to be asked again, or lull abort", "the answer was not yes")
		}
		return rec.Keep(ctx, true)
	}
}

func ask(in io.Reader, out io.Writer, question string) string {
	fmt.Fprintf(out, "%s Type yes to go on: ", question)
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil {
		return ""
	}
	return strings.TrimSpace(line)
}

// Wait lets time pass.
type Wait struct {
	remembered
	length time.Duration
}

// NewWait makes the step.
func NewWait(name string, length time.Duration) *Wait { return &Wait{remembered{name}, length} }

// Apply implements run.Step.
func (w *Wait) Apply(ctx context.Context, rec run.Recorder) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(w.length):
		return rec.Keep(ctx, true)
	}
}

// SQL asks a database and compares its one answer.
type SQL struct {
	remembered
	conninfo, database, query, expect string
}

// NewSQL makes the step. The conninfo may hold a password and is never printed.
func NewSQL(name, conninfo, database, query, expect string) *SQL {
	return &SQL{remembered{name}, conninfo, database, query, expect}
}

// Apply implements run.Step.
func (s *SQL) Apply(ctx context.Context, rec run.Recorder) error {
	cfg, err := pgx.ParseConfig(s.conninfo)
	if err != nil {
		return fmt.Errorf("read the address of the server: %w", err)
	}
	if s.database != "" {
		cfg.Database = s.database
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return fmt.Errorf("connect to database %s: %w", cfg.Database, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	answer, err := one(ctx, conn, s.query)
	if err != nil {
		return fmt.Errorf("run the plan's query: %w", err)
	}
	if answer != s.expect {
		return hint.Errorf("find out why, then type the same command again", "the query answered %q, and %q is expected", answer, s.expect)
	}
	return rec.Keep(ctx, true)
}

// one gives the single value of a query as psql would print it.
func one(ctx context.Context, conn *pgx.Conn, query string) (string, error) {
	results, err := conn.PgConn().Exec(ctx, query).ReadAll()
	if err != nil {
		return "", err
	}
	if len(results) != 1 || len(results[0].Rows) != 1 || len(results[0].Rows[0]) != 1 {
		return "", hint.Errorf("make it SELECT one value", "it did not answer with one row of one column")
	}
	return string(results[0].Rows[0][0]), nil
}
