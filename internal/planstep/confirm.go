package planstep

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/run"
)

// Ask puts a question to a person.
type Ask func(ctx context.Context, question string) (yes bool, err error)

// Confirm is a step that needs a person's yes. It is asked for once.
type Confirm struct {
	name     string
	question string
	ask      Ask
}

var _ run.Step = (*Confirm)(nil)

// NewConfirm makes the step.
func NewConfirm(name, question string, ask Ask) *Confirm { return &Confirm{name, question, ask} }

// Name implements run.Step.
func (c *Confirm) Name() string { return c.name }

// Observe implements run.Step.
func (c *Confirm) Observe(_ context.Context, rec run.Recorder) (run.Observation, error) {
	return observeOutcome(rec)
}

// Apply implements run.Step.
func (c *Confirm) Apply(ctx context.Context, rec run.Recorder) error {
	rec.Progress(run.Progress{Text: "waiting for an answer: " + c.question})
	yes, err := c.ask(ctx, c.question)
	if err != nil {
		return fmt.Errorf("ask %q: %w", c.question, err)
	}
	if !yes {
		return hint.Errorf("type the same command again to be asked again, or `lull abort` to go back", "the answer to %q was no", c.question)
	}
	return pass(ctx, rec, fmt.Sprintf("the answer to %q was yes", c.question))
}

// Undo implements run.Step: there is nothing to take back.
func (c *Confirm) Undo(context.Context, run.Recorder) error { return nil }

// ErrNobody says that there is no one to ask.
var ErrNobody = errors.New("there is no terminal to ask on")

// Nobody refuses every question, for runs without a terminal.
func Nobody(context.Context, string) (bool, error) {
	return false, hint.Wrap(ErrNobody, "run it on a terminal, or add --yes to answer every question with yes")
}

// Yes answers every question with yes, for --yes.
func Yes(context.Context, string) (bool, error) { return true, nil }

// Terminal asks on a terminal. One Terminal serves all questions of a program, and its
// reader belongs to it from the first question on: a read cannot be called back.
func Terminal(in io.Reader, out io.Writer) Ask {
	lines := make(chan string)
	asked := false
	return func(ctx context.Context, question string) (bool, error) {
		if !asked {
			asked = true
			go read(in, lines)
		}
		for {
			if _, err := fmt.Fprintf(out, "%s [yes/no] ", question); err != nil {
				return false, err
			}
			select {
			case <-ctx.Done():
				return false, context.Cause(ctx)
			case line, more := <-lines:
				if !more {
					return false, hint.Wrap(ErrNobody, "answer yes or no, or add --yes")
				}
				switch strings.ToLower(strings.TrimSpace(line)) {
				case "y", "yes":
					return true, nil
				case "n", "no":
					return false, nil
				}
			}
		}
	}
}

func read(in io.Reader, lines chan<- string) {
	defer close(lines)
	for s := bufio.NewScanner(in); s.Scan(); {
		lines <- s.Text()
	}
}
