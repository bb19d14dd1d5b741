package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lullhq/lull/internal/app"
	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
)

func newNotices(g *global) *cobra.Command {
	c := group(&cobra.Command{Use: "notices", Short: "What people are told of a maintenance, and in which words"})
	c.AddCommand(newNoticesPreview(g))
	return c
}

func newNoticesPreview(g *global) *cobra.Command {
	var channel, language string
	c := &cobra.Command{
		Use: "preview PLAN", Short: "Show every notice in its words; nothing is sent", Args: planArg,
		RunE: func(c *cobra.Command, args []string) error {
			if language != "" && !slices.Contains(config.Languages, language) {
				return hint.Errorf("say one of: "+strings.Join(config.Languages, ", "), "there are no words in %q", language)
			}
			return g.with(c.Context(), func(a *app.App) error {
				list, err := a.PreviewNotices(args[0], channel, language)
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(c.OutOrStdout(), list)
				}
				printPreviews(c.OutOrStdout(), list)
				return nil
			})
		},
	}
	c.Flags().StringVar(&channel, "channel", "", "as that channel's first recipient gets it")
	c.Flags().StringVar(&language, "language", "", "in that language")
	return c
}

func printPreviews(w io.Writer, list []app.Preview) {
	for i, p := range list {
		if i > 0 {
			fmt.Fprintln(w)
		}
		when := "when it happens"
		if !p.Due.IsZero() {
			when = p.Due.Format("2006-01-02 15:04 MST")
		}
		fmt.Fprintf(w, "%s, %s\n", p.Moment, when)
		for _, line := range strings.Split(p.Subject+"\n\n"+p.Text+"\n\n"+p.Label+": "+p.Link, "\n") {
			fmt.Fprintln(w, strings.TrimRight("    "+line, " "))
		}
	}
}
