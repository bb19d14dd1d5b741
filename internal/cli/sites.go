package cli

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/lullhq/lull/internal/app"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/sites"
)

func newSites(g *global) *cobra.Command {
	c := group(&cobra.Command{Use: "sites", Short: "The banner on your sites: switch it, see it, verify it"})
	c.AddCommand(newSitesStatus(g), newSitesSwitch(g, true), newSitesSwitch(g, false), newSitesVerify(g), newSitesInit(g), newSitesPreview(g))
	return c
}

// mayPlan takes a plan, or nothing.
func mayPlan(c *cobra.Command, args []string) error {
	if len(args) <= 1 {
		return nil
	}
	return hint.Errorf(c.CommandPath()+" plan.yaml", "%s takes the plan's file, or nothing", c.CommandPath())
}

func firstArg(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

func newSitesStatus(g *global) *cobra.Command {
	var only []string
	c := &cobra.Command{
		Use: "status [PLAN]", Aliases: []string{"list"}, Short: "What the published version of each site says of the banner", Args: mayPlan,
		RunE: func(c *cobra.Command, args []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				out, err := a.LookAtSites(c.Context(), firstArg(args), only)
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(c.OutOrStdout(), sitesJSON(out))
				}
				return printSites(c.OutOrStdout(), out)
			})
		},
	}
	siteFlag(c, &only)
	return c
}

func siteFlag(c *cobra.Command, only *[]string) {
	c.Flags().StringArrayVar(only, "site", nil, "this site alone; may be repeated")
}

func printSites(w io.Writer, out []sites.Outcome) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	failed := 0
	for _, o := range out {
		if o.Err != nil {
			failed++
			fmt.Fprintf(t, "%s\tunknown\t%s\n", o.Site.Name, o.Site.How())
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", o.Site.Name, o.Finding.State, o.Site.How(), o.Finding.Where())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	printFailed(w, out)
	if failed > 0 {
		return hint.Errorf("do what is said above, then lull sites status", "%d of %d sites cannot be looked at", failed, len(out))
	}
	return nil
}

func printFailed(w io.Writer, out []sites.Outcome) {
	for _, o := range out {
		if o.Err != nil {
			fmt.Fprintf(w, "%s: %v\n    %s\n", o.Site.Name, o.Err, hint.Of(o.Err))
		}
	}
}

// siteJSON is a site as programs read it.
type siteJSON struct {
	Site     string `json:"site"`
	How      string `json:"how"`
	State    string `json:"state,omitempty"`
	Changed  bool   `json:"changed"`
	Commit   string `json:"commit,omitempty"`
	Proposed string `json:"proposed,omitempty"`
	Text     string `json:"text,omitempty"`
	Error    string `json:"error,omitempty"`
	Next     string `json:"next,omitempty"`
}

func sitesJSON(out []sites.Outcome) []siteJSON {
	list := []siteJSON{}
	for _, o := range out {
		s := siteJSON{Site: o.Site.Name, How: o.Site.How(), State: string(o.Finding.State), Changed: o.Made, Commit: o.Finding.Commit, Proposed: o.Finding.Proposed, Text: o.Words}
		if o.Err != nil {
			s.Error, s.Next = o.Err.Error(), hint.Of(o.Err)
		}
		list = append(list, s)
	}
	return list
}

func newSitesSwitch(g *global, on bool) *cobra.Command {
	var o app.SitesOptions
	c := &cobra.Command{Use: "off [PLAN]", Short: "Switch the banner off at all sites at once, and see it gone", Args: mayPlan}
	if on {
		c = &cobra.Command{Use: "on PLAN", Short: "Switch the banner on at all sites at once, and see it live", Args: planArg}
		c.Flags().DurationVar(&o.Ahead, "ahead", 0, "show it from that long before the start of the window, such as 48h; at once when left out")
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		return g.with(c.Context(), func(a *app.App) error {
			if !g.json {
				o.Told = func(x sites.Outcome) {
					if x.Err == nil {
						fmt.Fprintf(c.OutOrStdout(), "%s: %s\n", x.Site.Name, x.Words)
					}
				}
			}
			out, v, err := a.SwitchSites(c.Context(), firstArg(args), on, o)
			if g.json && out != nil {
				if err := printJSON(c.OutOrStdout(), sitesJSON(out)); err != nil {
					return err
				}
			}
			if err != nil {
				return err
			}
			if v == nil {
				return nil
			}
			return printVerified(c.OutOrStdout(), *v, g.json)
		})
	}
	siteFlag(c, &o.Only)
	c.Flags().DurationVar(&o.Wait, "wait", 0, "how long to wait until every page shows it, or shows it no more, such as 10m")
	return c
}

func newSitesVerify(g *global) *cobra.Command {
	var o app.SitesOptions
	var on, off bool
	c := &cobra.Command{
		Use: "verify PLAN", Short: "Fetch every page of every site, and tell on how many the banner is", Args: planArg,
		Long: `Fetch every page of every site's sitemap, and tell on how many the banner of the plan is live.
When the record says that it was switched off, tell from how many it is gone. --on and --off say it yourself.`,
		RunE: func(c *cobra.Command, args []string) error {
			var want *bool
			switch {
			case on && off:
				return hint.Errorf(c.CommandPath()+" "+args[0]+" --off", "--on and --off contradict each other")
			case on || off:
				want = &on
			}
			return g.with(c.Context(), func(a *app.App) error {
				v, err := a.VerifySites(c.Context(), args[0], want, o)
				if err != nil {
					return err
				}
				return printVerified(c.OutOrStdout(), v, g.json)
			})
		},
	}
	c.Flags().BoolVar(&on, "on", false, "it should be on every page")
	c.Flags().BoolVar(&off, "off", false, "it should be on none")
	c.Flags().DurationVar(&o.Wait, "wait", 0, "how long to wait for pages that are not as they should be, such as 10m")
	siteFlag(c, &o.Only)
	return c
}

// verifiedJSON is what the public sees, as programs read it.
type verifiedJSON struct {
	On      bool              `json:"on"`
	Sites   int               `json:"sites"`
	SitesOf int               `json:"sites_of"`
	Pages   int               `json:"pages"`
	PagesOf int               `json:"pages_of"`
	AfterS  float64           `json:"after_s,omitempty"`
	Each    []verifiedOneJSON `json:"each"`
}

type verifiedOneJSON struct {
	Site  string            `json:"site"`
	Right int               `json:"right"`
	Pages int               `json:"pages"`
	Wrong map[string]string `json:"wrong,omitempty"`
	Error string            `json:"error,omitempty"`
	Next  string            `json:"next,omitempty"`
}

func printVerified(w io.Writer, v sites.Verified, asJSON bool) error {
	if asJSON {
		out := verifiedJSON{On: v.On, Sites: v.Sum.Sites, SitesOf: v.Of, Pages: v.Pages, PagesOf: v.OfPages, AfterS: v.Slowest.Seconds()}
		for _, s := range v.Sites {
			one := verifiedOneJSON{Site: s.Name, Right: s.Right, Pages: s.Pages}
			for _, p := range s.Wrong {
				if one.Wrong == nil {
					one.Wrong = map[string]string{}
				}
				one.Wrong[p.URL] = p.Why
			}
			if s.Err != nil {
				one.Error, one.Next = s.Err.Error(), hint.Of(s.Err)
			}
			out.Each = append(out.Each, one)
		}
		if err := printJSON(w, out); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(w, v.Fact())
		for _, s := range v.Sites {
			for _, p := range s.Wrong {
				fmt.Fprintf(w, "    %s: %s\n", p.URL, p.Why)
			}
			if s.Err != nil {
				fmt.Fprintf(w, "%s: %v\n    %s\n", s.Name, s.Err, hint.Of(s.Err))
			}
		}
	}
	if v.All() {
		return nil
	}
	return hint.Errorf("see whether the site's host has built it; wait for it with --wait 10m", "not every page is as it should be")
}
