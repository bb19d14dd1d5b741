package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lullhq/lull/internal/app"
	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/hint"
)

func newCheck(g *global) *cobra.Command {
	var file string
	var o app.CheckOptions
	var secure bool
	cmd := &cobra.Command{
		Use: "check PLAN", Short: "Is the plan sound, and is the database ready for it", Args: planArg,
		RunE: func(c *cobra.Command, args []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				if secure {
					return checkSecurity(c, a, args[0], file, g.json)
				}
				r, err := a.Check(c.Context(), args[0], o)
				if err != nil {
					return err
				}
				if err := tellCheck(c.OutOrStdout(), r, file, g.json); err != nil {
					return err
				}
				return inTheWay(r, args[0])
			})
		},
	}
	cmd.Flags().StringVarP(&file, "output", "o", "", "write a report to this file as well, as Markdown")
	cmd.Flags().BoolVar(&o.Quick, "quick", false, "ask only: try nothing on a throw-away server of the new version")
	cmd.Flags().BoolVar(&secure, "security", false, "look instead for what makes servers and poolers easier to break into than they have to be")
	return cmd
}

func tellCheck(w io.Writer, r app.CheckReport, file string, asJSON bool) error {
	if file != "" {
		if err := writeFile(file, []byte(r.Markdown())); err != nil {
			return err
		}
	}
	if asJSON {
		return printJSON(w, r)
	}
	printCheck(w, r)
	return nil
}

func printCheck(w io.Writer, r app.CheckReport) {
	printFindings(w, r.Findings)
	for _, f := range r.Settled {
		fmt.Fprintf(w, "%-8s %s\n         It was found on %s. (%s)\n", "settled", f, r.Last.Local().Format("2 January at 15:04"), f.ID)
	}
	if r.Forecast != nil && r.Forecast.Rehearsals > 0 {
		fmt.Fprintf(w, "How long it is expected to take:\n%s\n", app.ForecastText(*r.Forecast))
	}
	if r.Blockers() == 0 {
		fmt.Fprintf(w, "%s is sound: nothing stands in the way.\n", r.Plan)
	}
}

func printFindings(w io.Writer, found []checks.Finding) {
	for i, f := range found {
		fmt.Fprintf(w, "%-8s %s\n", f.Severity, f)
		if i+1 == len(found) || !alike(f, found[i+1]) { // what several databases have is explained once
			explain(w, f)
		}
	}
}

// mostCommands is how many commands of one finding a terminal shows. The report has all.
const mostCommands = 3

func alike(a, b checks.Finding) bool {
	return a.ID == b.ID && a.Fix == b.Fix && len(a.Commands())+len(b.Commands()) == 0
}

func explain(w io.Writer, f checks.Finding) {
	line := func(text string) { fmt.Fprintf(w, "         %s\n", text) }
	line(f.Fix)
	commands := f.Commands()
	for _, command := range commands[:min(len(commands), mostCommands)] {
		line("  " + strings.ReplaceAll(command, "\n", " ") + ";")
	}
	if more := len(commands) - mostCommands; more > 0 {
		line(fmt.Sprintf("  and %d more: lull check --json, or -o report.md", more))
	}
	if f.Why != "" {
		line("Why: " + f.Why)
	}
	if f.Breaks != "" {
		line("What could break: " + f.Breaks)
	}
	if f.Lull != "" {
		line("Lull: " + f.Lull)
	}
	line("(" + f.ID + ")")
}

func inTheWay(r app.CheckReport, plan string) error {
	next := "do what is said above, then lull check " + plan
	switch n := r.Blockers(); n {
	case 0:
		return nil
	case 1:
		return hint.Errorf(next, "1 thing stands in the way")
	default:
		return hint.Errorf(next, "%d things stand in the way", n)
	}
}
