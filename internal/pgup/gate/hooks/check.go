package hooks

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup/gate"
)

// The findings of Check.
const (
	HookProgram = "hook-program" // a command is not there, or cannot be run
	HookWhere   = "hook-where"   // the command that looks does not answer, or not in two words
	HookHeld    = "hook-held"    // clients are held already
	HookTarget  = "hook-target"  // clients are sent to the target already
	HookBudget  = "hook-budget"  // the hold command alone may use up the hold's budget
)

type check struct {
	g     *Gate
	found []gate.Finding
}

// Check looks for what would keep the clients from being held and moved. The only
// command that it runs is the one that looks.
func (g *Gate) Check(ctx context.Context, holdBudget time.Duration) []gate.Finding {
	c := &check{g: g}
	for _, h := range []hook{hold, repoint, resume, where} {
		c.program(h)
	}
	if len(c.found) == 0 {
		c.where(ctx)
	}
	if w := g.hooks.Within.Hold; w > holdBudget {
		c.add(HookBudget, false, "raise the plan's hold_budget or lower `within: {hold: ...}`",
			"its hold command may take %s, and a hold is given up after %s.", w, holdBudget)
	}
	return c.found
}

func (c *check) add(id string, blocks bool, next, format string, args ...any) {
	text := fmt.Sprintf("Pooler %s: ", c.g.name) + fmt.Sprintf(format, args...)
	c.found = append(c.found, gate.Finding{ID: id, Blocks: blocks, Text: text, Hint: next})
}

// program finds the command as starting it would: a path is relative to where it runs.
func (c *check) program(h hook) {
	argv, _ := h.of(c.g.hooks)
	path := argv[0]
	if strings.Contains(path, "/") && !filepath.IsAbs(path) {
		path = filepath.Join(c.g.hooks.Dir, path)
	}
	_, err := exec.LookPath(path)
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrPermission):
		c.add(HookProgram, true, "make it executable for the user that lull runs as: chmod +x "+path, "the program of its %s command, %s, may not be run.", h, argv[0])
	default:
		c.add(HookProgram, true, "write its path as it is seen from the folder of lull.yaml, or put it on the PATH", "the program of its %s command, %s, is not there.", h, argv[0])
	}
}

func (c *check) where(ctx context.Context) {
	at, err := c.g.Where(ctx)
	switch {
	case err != nil:
		next := hint.Of(err)
		if next == "" {
			next = "run the command by hand, with the variables named in docs/gates.md"
		}
		c.add(HookWhere, true, next, "%v.", err)
	case at.Held:
		c.add(HookHeld, true, "find out who holds them; its resume command ends it", "clients are held, and not by this maintenance.")
	case at.Side != gate.Source:
		c.add(HookTarget, true, "see what its where command compares", "clients are sent to %s, not to %s.", c.g.to, c.g.from)
	}
}
