package cli

import (
	"os"

	"golang.org/x/term"

	"github.com/lullhq/lull/internal/planstep"
)

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
