package cli

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/lullhq/lull/internal/app"
	"github.com/lullhq/lull/internal/hint"
)

func newProbes(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "probes", Short: "Look once at every component by all its probes, and tell nobody else", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				results := a.Probe(c.Context())
				var err error
				if g.json {
					err = printJSON(c.OutOrStdout(), results)
				} else {
					err = printProbes(c.OutOrStdout(), results)
				}
				if err != nil {
					return err
				}
				return notWell(results)
			})
		},
	}
}

func printProbes(w io.Writer, results []app.ProbeResult) error {
	if len(results) == 0 {
		_, err := fmt.Fprintln(w, "No component in lull.yaml has probes.")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range results {
		took := time.Duration(r.TookMS * float64(time.Millisecond))
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", r.Component, r.Kind, r.Status, short(took), r.Where)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, r := range results {
		if r.Error != "" {
			fmt.Fprintf(w, "%s: %s\n    %s\n", r.Component, r.Error, r.Next)
		}
	}
	return nil
}

func notWell(results []app.ProbeResult) error {
	bad := 0
	for _, r := range results {
		if r.Error != "" {
			bad++
		}
	}
	if bad == 0 {
		return nil
	}
	return hint.Errorf("do what is said above, then lull probes", "not all is well: %d of %d probes", bad, len(results))
}
