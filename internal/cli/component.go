package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lullhq/lull/internal/app"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/say"
)

func newComponent(g *global) *cobra.Command {
	c := group(&cobra.Command{Use: "component", Short: "The parts of the product, and what holds of each"})
	c.AddCommand(newComponentList(g), newComponentSet(g), newComponentAuto(g))
	return c
}

func newComponentList(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List components with their status", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				list, err := a.Components(c.Context())
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(c.OutOrStdout(), list)
				}
				for _, x := range list {
					fmt.Fprintf(c.OutOrStdout(), "%-20s  %s\n", x.ID, x.Status)
				}
				if len(list) == 0 {
					fmt.Fprintln(c.OutOrStdout(), "lull.yaml lists no components.")
				}
				return nil
			})
		},
	}
}

func newComponentSet(g *global) *cobra.Command {
	var text string
	c := &cobra.Command{
		Use: "set ID STATUS", Short: "Say what holds of a component, whatever its probes see", Args: func(c *cobra.Command, args []string) error {
			if len(args) == 2 {
				return nil
			}
			return hint.Errorf(c.CommandPath()+" api partial_outage", "%s takes a component and its status", c.CommandPath())
		},
		RunE: func(c *cobra.Command, args []string) error {
			return g.tells(c, func(a *app.App) (say.Said, error) {
				return a.SetComponent(c.Context(), say.Component{ID: args[0], Status: maint.Impact(args[1]), Text: text})
			})
		},
	}
	c.Flags().StringVar(&text, "text", "", "one sentence for the public")
	return c
}

func newComponentAuto(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "auto ID", Short: "Let a component follow its probes again", Args: nameArg,
		RunE: func(c *cobra.Command, args []string) error {
			return g.tells(c, func(a *app.App) (say.Said, error) {
				return a.FreeComponent(c.Context(), say.Component{ID: args[0]})
			})
		},
	}
}
