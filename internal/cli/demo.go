package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/lullhq/lull/internal/demo"
)

func newDemo() *cobra.Command {
	return &cobra.Command{
		Use: "demo", Short: "A real maintenance on throw-away servers, with load and proof", Args: noArgs,
		Long: `The demo upgrades a real PostgreSQL under load, with the status page live. FROM and
TO in the environment are the versions, 13 and 17 when left out;
SCALE, RATE and CLIENTS set its size: SCALE=100 is 1.5 GB,
ROLLBACK=1 takes the way back at the end,
KEEP=1 leaves everything up until Ctrl-C. It writes .demo/result.json and
.demo/post-mortem.md, and ends with 1 when a statement failed or a commit was lost.`,
		RunE: func(c *cobra.Command, _ []string) error {
			o, err := demo.FromEnviron(os.Getenv)
			if err != nil {
				return err
			}
			if o.Self, err = os.Executable(); err != nil {
				return fmt.Errorf("find lull's own program: %w", err)
			}
			o.Out = c.OutOrStdout()
			return demo.Run(c.Context(), o)
		},
	}
}
