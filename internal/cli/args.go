package cli

import (
	"github.com/spf13/cobra"

	"github.com/lullhq/lull/internal/hint"
)

// group makes a command that does nothing but have others below it: alone it prints its
// help, and a word that it does not know is an error.
func group(c *cobra.Command) *cobra.Command {
	c.SuggestionsMinimumDistance = 2
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		next := c.CommandPath() + " --help"
		if meant := c.SuggestionsFor(args[0]); len(meant) > 0 {
			next = c.CommandPath() + " " + meant[0]
		}
		return hint.Errorf(next, "unknown command %q for %q", args[0], c.CommandPath())
	}
	return c
}

// planArg is the one argument of most commands.
func planArg(c *cobra.Command, args []string) error {
	if len(args) == 1 {
		return nil
	}
	return hint.Errorf(c.CommandPath()+" plan.yaml", "%s takes the plan's file", c.CommandPath())
}

func noArgs(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return hint.Errorf(c.CommandPath(), "%s takes no arguments, and got %q", c.CommandPath(), args[0])
}
