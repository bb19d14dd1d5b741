package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/ledger"
)

func newLedger(g *global) *cobra.Command {
	cmd := group(&cobra.Command{
		Use: "ledger", Short: "A client that proves afterwards that no commit was lost",
		Long: `The ledger writes numbered transactions to a database and keeps its own file of every
commit that was acknowledged. Afterwards it looks each of them up. It knows nothing of
a maintenance, so its word is that of an ordinary client.

  lull ledger run --dsn "host=... dbname=app" --file ledger.log      until Ctrl-C
  lull ledger verify --dsn "host=... dbname=app" --file ledger.log   exit 1 when a commit is lost`,
	})
	cmd.AddCommand(newLedgerRun(g), newLedgerVerify(g))
	return cmd
}

func newLedgerRun(g *global) *cobra.Command {
	var o ledger.Options
	var dsn dsnFlag
	cmd := &cobra.Command{
		Use: "run", Short: "Write until Ctrl-C", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			err := fileNamed(o.File)
			if err != nil {
				return err
			}
			if o.DSN, err = dsn.value(); err != nil {
				return err
			}
			s, err := ledger.Run(c.Context(), o)
			if err != nil {
				return err
			}
			if g.json {
				return printJSON(c.OutOrStdout(), s)
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), s)
			return err
		},
	}
	dsn.flags(cmd)
	cmd.Flags().StringVar(&o.File, "file", "", "its own file of acknowledged commits; must not exist yet")
	cmd.Flags().IntVar(&o.Clients, "clients", 4, "connections")
	cmd.Flags().Float64Var(&o.Rate, "rate", 50, "transactions a second, of all connections together")
	cmd.Flags().DurationVar(&o.Duration, "duration", 0, "stop after this long (0 = Ctrl-C)")
	cmd.Flags().DurationVar(&o.Timeout, "timeout", 30*time.Second, "longest wait for one statement")
	return cmd
}

func newLedgerVerify(g *global) *cobra.Command {
	var file string
	var dsn dsnFlag
	cmd := &cobra.Command{
		Use: "verify", Short: "Look up every acknowledged commit", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := fileNamed(file); err != nil {
				return err
			}
			d, err := dsn.value()
			if err != nil {
				return err
			}
			v, err := ledger.Verify(c.Context(), d, file)
			if err != nil {
				return err
			}
			if g.json {
				err = printJSON(c.OutOrStdout(), v)
			} else {
				_, err = fmt.Fprintln(c.OutOrStdout(), v)
			}
			if err == nil && !v.Sound() {
				err = hint.Errorf("keep both servers as they are, and read the numbers above", "the database has not kept its word")
			}
			return err
		},
	}
	dsn.flags(cmd)
	cmd.Flags().StringVar(&file, "file", "", "the file of a finished run")
	return cmd
}

func fileNamed(file string) error {
	if file != "" {
		return nil
	}
	return hint.Errorf("add --file ledger.log", "no file is given for the acknowledged commits")
}
