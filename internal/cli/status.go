package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/lullhq/lull/internal/app"
	"github.com/lullhq/lull/internal/timeline"
)

func newStatus(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "What is going on, one screen", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				list, err := a.Status(c.Context())
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(c.OutOrStdout(), list)
				}
				printStatus(c.OutOrStdout(), list)
				return nil
			})
		},
	}
}

func printStatus(w io.Writer, list []app.Status) {
	if len(list) == 0 {
		fmt.Fprintln(w, "Nothing is scheduled.")
	}
	for _, s := range list {
		fmt.Fprintf(w, "%s  %s\n  %s\n  window  %s\n", s.ID, s.State, s.Title, s.Window)
		if s.Progress != "" {
			fmt.Fprintf(w, "  now     %s\n", s.Progress)
		}
		if !s.End.IsZero() {
			fmt.Fprintf(w, "  end     expected at %s\n", s.End.Local().Format("15:04:05"))
		}
		for _, e := range s.Recent {
			if text := factText(e.Event); text != "" {
				fmt.Fprintf(w, "  %s  %s\n", e.At.Local().Format("15:04:05"), text)
			}
		}
	}
}

func newWatch(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "watch", Short: "Print every fact as it is recorded, until Ctrl-C", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				out := newFollower(c.OutOrStdout(), g.json)
				return follow(c.Context(), a, out)
			})
		},
	}
}

// newFollower prints entries of the record as a run prints its own.
func newFollower(w io.Writer, asJSON bool) func(timeline.Entry) {
	watcher, _ := newTerminal(struct{ io.Writer }{w}, asJSON) // never bars: the step runs elsewhere
	return func(e timeline.Entry) { watcher.Recorded(e.At, e.Event) }
}

// follow polls the record. Ctrl-C is the ordinary end.
func follow(ctx context.Context, a *app.App, print func(timeline.Entry)) error {
	var after int64
	for tick := time.NewTicker(200 * time.Millisecond); ; {
		entries, err := a.Read(ctx, after, 500)
		if err != nil && ctx.Err() == nil {
			return err
		}
		for _, e := range entries {
			print(e)
			after = e.Seq
		}
		select {
		case <-ctx.Done():
			tick.Stop()
			return nil
		case <-tick.C:
		}
	}
}
