package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/lullhq/lull/internal/app"
	"github.com/lullhq/lull/internal/hint"
)

func newSchedule(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "schedule PLAN", Short: "Announce the maintenance, or announce it anew", Args: planArg,
		RunE: func(c *cobra.Command, args []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				s, err := a.Schedule(c.Context(), args[0])
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(c.OutOrStdout(), s)
				}
				fmt.Fprintf(c.OutOrStdout(), "%s\n%s\n", s.Text, s.URL)
				return nil
			})
		},
	}
}

func newRun(g *global) *cobra.Command {
	var early, yes bool
	cmd := &cobra.Command{
		Use: "run PLAN", Short: "Do it; the same command carries on after a crash", Args: planArg,
		RunE: func(c *cobra.Command, args []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				w, done := newTerminal(c.OutOrStdout(), g.json)
				defer done()
				a.Ask = asker(yes)
				text, err := a.Run(c.Context(), args[0], app.RunOptions{Early: early, Watcher: w, Tell: w.Told, Offer: offer(yes, a.Ask)})
				switch {
				case err != nil || text == "":
					return err
				case g.json:
					return printJSON(c.OutOrStdout(), map[string]string{"text": text})
				}
				_, err = fmt.Fprintln(c.OutOrStdout(), text)
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "answer yes to every question of the plan")
	cmd.Flags().BoolVar(&early, "early", false, "begin before the window opens")
	return cmd
}

func newRehearse(g *global) *cobra.Command {
	var back bool
	cmd := &cobra.Command{
		Use: "rehearse PLAN", Short: "Do everything but the switch, take it back, and tell how long it took", Args: planArg,
		RunE: func(c *cobra.Command, args []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				w, done := newTerminal(c.OutOrStdout(), g.json)
				defer done()
				text, err := a.Rehearse(c.Context(), args[0], app.RehearsalOptions{WithRollback: back, Watcher: w})
				switch {
				case err != nil:
					return err
				case g.json:
					return printJSON(c.OutOrStdout(), map[string]string{"text": text})
				}
				_, err = fmt.Fprintln(c.OutOrStdout(), text)
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&back, "with-rollback", false, "try the way back as well, whatever the plan says of it")
	return cmd
}

func newAbort(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "abort PLAN", Short: "Take back everything that was done before the switch", Args: planArg,
		RunE: func(c *cobra.Command, args []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				w, done := newTerminal(c.OutOrStdout(), g.json)
				defer done()
				return a.Abort(c.Context(), args[0], w)
			})
		},
	}
}

func newRollback(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "rollback PLAN", Short: "Return to the old server after the switch, with nothing lost", Args: planArg,
		RunE: func(c *cobra.Command, args []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				w, done := newTerminal(c.OutOrStdout(), g.json)
				defer done()
				return a.Rollback(c.Context(), args[0], w)
			})
		},
	}
}

func newFinish(g *global) *cobra.Command {
	var gone bool
	cmd := &cobra.Command{
		Use: "finish PLAN", Short: "Give up the way back, and clean up both servers", Args: planArg,
		RunE: func(c *cobra.Command, args []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				w, done := newTerminal(c.OutOrStdout(), g.json)
				defer done()
				return a.Finish(c.Context(), args[0], app.FinishOptions{SourceGone: gone, Watcher: w})
			})
		},
	}
	cmd.Flags().BoolVar(&gone, "source-gone", false, "the old server is not there any more: clean up the new one alone")
	return cmd
}

func newReport(g *global) *cobra.Command {
	var file string
	var public bool
	cmd := &cobra.Command{
		Use: "report PLAN", Short: "Write the post-mortem, as Markdown with front matter", Args: planArg,
		RunE: func(c *cobra.Command, args []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				r, err := a.Report(c.Context(), args[0])
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(c.OutOrStdout(), r.Entries)
				}
				text := r.Markdown
				if public {
					text = r.Public
				}
				if file != "" {
					return writeFile(file, text)
				}
				_, err = c.OutOrStdout().Write(text)
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&public, "public", false, "leave out the notes that are for yourselves")
	cmd.Flags().StringVarP(&file, "output", "o", "", "write to this file")
	return cmd
}

func writeFile(path string, b []byte) error {
	if err := os.WriteFile(path, b, 0o644); err != nil {
		return hint.Wrap(fmt.Errorf("write the report: %w", err), "name a file in a folder that you may write to: -o post-mortem.md")
	}
	return nil
}

func newServe(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Serve the status page", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				return a.Serve(c.Context(), func(url string) { fmt.Fprintf(c.OutOrStdout(), "Status page: %s\n", url) })
			})
		},
	}
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
