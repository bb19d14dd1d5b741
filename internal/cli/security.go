package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/lullhq/lull/internal/app"
	"github.com/lullhq/lull/internal/hint"
)

func checkSecurity(c *cobra.Command, a *app.App, plan, file string, asJSON bool) error {
	r, err := a.CheckSecurity(c.Context(), plan)
	if err != nil {
		return err
	}
	if file != "" {
		if err := writeFile(file, []byte(r.Markdown())); err != nil {
			return err
		}
	}
	w := c.OutOrStdout()
	if asJSON {
		if err := printJSON(w, r); err != nil {
			return err
		}
	} else {
		printSecurity(w, r)
	}
	switch n := r.Open(); n {
	case 0:
		return nil
	case 1:
		return hint.Errorf("do what is said above, then lull check --security "+plan, "1 thing is to be fixed")
	default:
		return hint.Errorf("do what is said above, then lull check --security "+plan, "%d things are to be fixed", n)
	}
}

func printSecurity(w io.Writer, r app.SecurityReport) {
	printFindings(w, r.Findings)
	fmt.Fprintln(w, "Looked at:")
	for _, what := range r.Looked {
		fmt.Fprintf(w, "  %s\n", what)
	}
}
