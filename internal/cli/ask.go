package cli

import (
	"os"

	"golang.org/x/term"

	"github.com/lullhq/lull/internal/planstep"
)

// offer puts a question that is not the plan's: only a person at the terminal answers it, and --yes does not.
func offer(yes bool, ask planstep.Ask) planstep.Ask {
	if yes || !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil
	}
	return ask
}

// asker puts a plan's questions to whoever sits at the terminal.
func asker(yes bool) planstep.Ask {
	switch {
	case yes:
		return planstep.Yes
	case term.IsTerminal(int(os.Stdin.Fd())):
		return planstep.Terminal(os.Stdin, os.Stderr)
	}
	return planstep.Nobody
}
