package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/lullhq/lull/internal/pgup/watchdog"
)

// newWatchdog is the process that a run starts beside itself. Signals are not for it: it ends when its work does.
func newWatchdog() *cobra.Command {
	return &cobra.Command{
		Use: "watchdog", Hidden: true, Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return watchdog.Serve(context.WithoutCancel(c.Context()), c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
}
