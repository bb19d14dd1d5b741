package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/lullhq/lull/internal/app"
	"github.com/lullhq/lull/internal/sites/preview"
)

func newSitesInit(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "init SITE", Short: "Write a safe include for the banner into a site, and show where to put it", Args: nameArg,
		RunE: func(c *cobra.Command, args []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				out, err := a.InitSite(args[0])
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(c.OutOrStdout(), out)
				}
				printIncluded(c.OutOrStdout(), out)
				return nil
			})
		},
	}
}

func printIncluded(w io.Writer, out app.Included) {
	for _, f := range out.Written {
		fmt.Fprintf(w, "written  %s\n", f)
	}
	for _, f := range out.Kept {
		fmt.Fprintf(w, "kept     %s, which was there\n", f)
	}
	fmt.Fprintf(w, "Put this into %s:\n\n%s\n\nThen look at it with: lull sites preview\n", out.Where, out.Put)
}

// previewPort and the ones after it are where people preview sites.
const previewPort = 4000

func newSitesPreview(g *global) *cobra.Command {
	o := app.PreviewOptions{}
	c := &cobra.Command{
		Use: "preview [PLAN]", Short: "Build all sites at once, and show them side by side with the banner on and off", Args: mayPlan,
		Long: `Build the sites that are folders on this machine, each by its own generator, and show them side by side at three
widths, with the banner on and off. An edit in a site, or in a theme that sites share, builds what it is about
anew, and the page shows it by itself. No working folder is written to. Ctrl-C ends it.`,
		RunE: func(c *cobra.Command, args []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				w := c.OutOrStdout()
				o.Ready = func(address string) { fmt.Fprintf(w, "Preview: %s\n", address) }
				o.Told = func(b preview.Build) { printBuild(w, b) }
				return a.PreviewSites(c.Context(), firstArg(args), o)
			})
		},
	}
	c.Flags().IntVar(&o.Port, "port", previewPort, "the port of the page; sites are at the ones after it")
	siteFlag(c, &o.Only)
	return c
}

func printBuild(w io.Writer, b preview.Build) {
	side := "off"
	if b.On {
		side = "on"
	}
	if b.Error != "" {
		fmt.Fprintf(w, "%s, banner %s: not built: %s\n", b.Site, side, b.Error)
		return
	}
	fmt.Fprintf(w, "%s, banner %s: built in %s\n", b.Site, side, b.Took.Round(time.Millisecond))
}
