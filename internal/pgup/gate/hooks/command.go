package hooks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/pgup/gate"
	"github.com/lullhq/lull/internal/proc"
)

// hook is one of the commands, by the name it has in lull.yaml.
type hook string

const (
	hold    hook = "hold"
	repoint hook = "repoint"
	resume  hook = "resume"
	where   hook = "where"
)

func (h hook) of(all gate.Hooks) (argv []string, within time.Duration) {
	switch h {
	case hold:
		return all.Hold, all.Within.Hold
	case repoint:
		return all.Repoint, all.Within.Repoint
	case resume:
		return all.Resume, all.Within.Resume
	}
	return all.Where, all.Within.Where
}

// errLimit says that a command was killed because its time was up.
var errLimit = errors.New("it took longer than it may")

func (g *Gate) run(ctx context.Context, h hook, side gate.Side, lock *lock) error {
	_, err := g.output(ctx, h, side, lock)
	return err
}

// output runs a command to its end or its limit. Killed with all that it started, it
// cannot act any more once something else is asked for.
func (g *Gate) output(ctx context.Context, h hook, side gate.Side, lock *lock) ([]byte, error) {
	argv, within := h.of(g.hooks)
	ctx, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("%w (%s)", errLimit, within))
	defer cancel()
	c := proc.Cmd{
		Name: fmt.Sprintf("%s command of pooler %s", h, g.name), Args: argv, Dir: g.hooks.Dir,
		Env: append(os.Environ(), g.environment(ctx, h, side)...), AtOnce: true, Merge: h != where,
	}
	if lock == nil {
		return proc.Run(ctx, c)
	}
	c.Files, c.Began = lock.files(), lock.began
	out, err := proc.Run(ctx, c)
	return out, errors.Join(err, lock.ended())
}

// environment is what a command is told. Of the two servers it learns the addresses
// only: what it needs to get anywhere it keeps itself.
func (g *Gate) environment(ctx context.Context, h hook, side gate.Side) []string {
	at := map[gate.Side]gate.Addr{gate.Source: g.from, gate.Target: g.to}[side]
	out := []string{
		"LULL_HOOK=" + string(h), "LULL_POOLER=" + g.name, "LULL_SIDE=" + string(side),
		"LULL_FROM_HOST=" + g.from.Host, "LULL_FROM_PORT=" + strconv.Itoa(g.from.Port),
		"LULL_TO_HOST=" + g.to.Host, "LULL_TO_PORT=" + strconv.Itoa(g.to.Port),
	}
	if side != gate.Nowhere {
		out = append(out, "LULL_HOST="+at.Host, "LULL_PORT="+strconv.Itoa(at.Port))
	}
	if end, ok := ctx.Deadline(); ok {
		out = append(out, "LULL_WITHIN_MS="+strconv.FormatInt(max(0, time.Until(end).Milliseconds()), 10))
	}
	return out
}

// parsePosition reads the answer of the command that looks: "source open", in any spacing.
func parsePosition(s string) (at gate.Position, err error) {
	f := strings.Fields(s)
	if len(f) != 2 {
		return at, fmt.Errorf("%.60q is not two words", s)
	}
	switch side := gate.Side(f[0]); side {
	case gate.Source, gate.Target:
		at.Side = side
	default:
		return at, fmt.Errorf("%.60q does not begin with source or target", s)
	}
	switch f[1] {
	case "held":
		at.Held = true
	case "open":
	default:
		return gate.Position{}, fmt.Errorf("%.60q does not end with held or open", s)
	}
	return at, nil
}

func words(at gate.Position) string {
	if at.Held {
		return string(at.Side) + ", held"
	}
	return string(at.Side) + ", open"
}
