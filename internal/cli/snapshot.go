package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lullhq/lull/internal/app"
)

func newSnapshot(g *global) *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use: "snapshot", Short: "Write the status page as static files that outlive Lull and its machine", Args: noArgs,
		Long: `Write the whole public face as static files: pages, JSON, feeds and calendars, as they are now.
With "snapshot:" in lull.yaml, lull serve does it after each change by itself.`,
		Example: `  lull snapshot --to /srv/status
  lull snapshot --to git@example.com:acme/status.git#gh-pages
  lull snapshot --to "command:rsync -a --delete ./ web:/srv/status/"`,
		RunE: func(c *cobra.Command, _ []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				change, err := a.Snapshot(c.Context(), to)
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(c.OutOrStdout(), change)
				}
				_, err = fmt.Fprintf(c.OutOrStdout(), "The status page is written: %s.\n", change)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "a folder, a git repository with #branch, or command:LINE for the shell, which runs in a folder that holds the files")
	return cmd
}
