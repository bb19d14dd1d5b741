package planstep

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/proc"
	"github.com/lullhq/lull/internal/run"
)

// Command is a program of the operator's. It must be safe to run twice: when lull ends
// while it runs, nobody can tell how far it got, and it is run again.
type Command struct {
	Run    []string
	Undo   []string // empty: nothing is to be taken back
	Dir    string
	Within time.Duration // 0: as long as it takes
}

// CommandStep runs a Command.
type CommandStep struct {
	name string
	cmd  Command
}

var _ run.Step = (*CommandStep)(nil)

// NewCommand makes the step.
func NewCommand(name string, c Command) *CommandStep { return &CommandStep{name, c} }

// stage is how far a command got, as its memo has it.
type stage string

const (
	begun  stage = "begun"
	failed stage = "failed" // and may have done half of it
	ended  stage = "ended"
)

type commandMemo struct {
	Stage stage     `json:"stage"`
	Group int       `json:"group,omitempty"` // its processes
	At    time.Time `json:"at"`
}

// Name implements run.Step.
func (s *CommandStep) Name() string { return s.name }

// Observe implements run.Step.
func (s *CommandStep) Observe(_ context.Context, rec run.Recorder) (run.Observation, error) {
	var m commandMemo
	found, err := rec.Memo(&m)
	switch {
	case err != nil:
		return run.Observation{}, err
	case !found:
		return run.Observation{Presence: run.Absent, Evidence: "the command has not run"}, nil
	case m.Stage == ended:
		return run.Observation{Presence: run.Done, Evidence: s.program() + " ended with exit code 0"}, nil
	}
	return run.Observation{Presence: run.Partial, Evidence: fmt.Sprintf("%s %s at %s", s.program(), m.Stage, m.At.Format(time.RFC3339))}, nil
}

// Apply implements run.Step.
func (s *CommandStep) Apply(ctx context.Context, rec run.Recorder) error {
	m, err := s.free(ctx, rec)
	if err != nil {
		return err
	}
	if m.Stage == begun {
		if err := rec.Note(ctx, "The command is run again: the run before ended while it ran.", nil); err != nil {
			return err
		}
	}
	m = commandMemo{Stage: begun, At: time.Now().UTC()}
	if err := rec.Keep(ctx, m); err != nil {
		return err
	}
	err = s.execute(ctx, s.cmd.Run, func(group int) error {
		m.Group = group
		return rec.Keep(ctx, m)
	})
	m = commandMemo{Stage: ended, At: time.Now().UTC()}
	if err != nil {
		m.Stage = failed
	}
	return errors.Join(err, rec.Keep(context.WithoutCancel(ctx), m))
}

// Undo implements run.Step.
func (s *CommandStep) Undo(ctx context.Context, rec run.Recorder) error {
	m, err := s.free(ctx, rec)
	if err != nil || m.Stage == "" || len(s.cmd.Undo) == 0 {
		return err
	}
	return s.execute(ctx, s.cmd.Undo, nil)
}

// free refuses while the program of an earlier run is still at work, after it has waited for one that ends soon.
func (s *CommandStep) free(ctx context.Context, rec run.Recorder) (commandMemo, error) {
	const patience, look = 2 * time.Second, 20 * time.Millisecond
	var m commandMemo
	if _, err := rec.Memo(&m); err != nil {
		return m, err
	}
	for end := time.Now().Add(patience); m.Stage == begun && proc.Alive(m.Group); {
		if time.Now().Before(end) {
			if err := sleep(ctx, look); err != nil {
				return m, err
			}
			continue
		}
		return m, hint.Errorf(fmt.Sprintf("wait for it, or look at it with `ps -g %d` and end it; then type the same command again", m.Group),
			"%s of the run before is still at work (process group %d)", s.program(), m.Group)
	}
	return m, nil
}

func (s *CommandStep) execute(ctx context.Context, args []string, began func(int) error) error {
	if s.cmd.Within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, s.cmd.Within, fmt.Errorf("it was not done after %s", s.cmd.Within))
		defer cancel()
	}
	_, err := proc.Run(ctx, proc.Cmd{Name: filepath.Base(args[0]), Args: args, Dir: s.cmd.Dir, Merge: true, Began: began})
	return hint.Wrap(err, "run it by hand to see why; when it is well, type the same command again")
}

func (s *CommandStep) program() string { return filepath.Base(s.cmd.Run[0]) }
