package cli

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lullhq/lull/internal/app"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/subscribe"
)

func newSubscribers(g *global) *cobra.Command {
	c := group(&cobra.Command{Use: "subscribers", Short: "Who asked on the page to be told"})
	c.AddCommand(newSubscribersList(g), newSubscribersAdd(g), newSubscribersRemove(g), newSubscribersSuppress(g), newSubscribersImport(g), newSubscribersExport(g))
	return c
}

func newSubscribersList(g *global) *cobra.Command {
	var state string
	c := &cobra.Command{
		Use: "list", Short: "List the subscribers", Args: noArgs,
		Long: `List the subscribers. States:
  pending     it was asked for, and not confirmed; nothing is sent
  active      it is told
  left        it wanted nothing more
  suppressed  mail came back, or was complained about; lull subscribers add lifts it`,
		RunE: func(c *cobra.Command, _ []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				all, err := everySubscriber(c, a, subscribe.State(state))
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(c.OutOrStdout(), all)
				}
				for _, s := range all {
					printSubscriber(c.OutOrStdout(), s)
				}
				if len(all) == 0 {
					fmt.Fprintln(c.OutOrStdout(), "There is no subscriber.")
				}
				return nil
			})
		},
	}
	c.Flags().StringVar(&state, "state", "", "only those in this state")
	return c
}

// atOnce is how many are read at once.
const atOnce = 1000

func everySubscriber(c *cobra.Command, a *app.App, state subscribe.State) ([]subscribe.Subscriber, error) {
	out := []subscribe.Subscriber{}
	for after := int64(0); ; {
		some, err := a.Subscribers(c.Context(), after, atOnce)
		if err != nil || len(some) == 0 {
			return out, err
		}
		for _, s := range some {
			after = s.ID
			s.Address = shown(s)
			if state == "" || s.State == state {
				out = append(out, s)
			}
		}
	}
}

// shown hides what stands behind the host of an address that may be a secret. lull subscribers export has all of it.
func shown(s subscribe.Subscriber) string {
	rest, found := strings.CutPrefix(s.Address, "https://")
	if !found {
		return s.Address
	}
	host, _, _ := strings.Cut(rest, "/")
	return "https://" + host + "/…"
}

func printSubscriber(w io.Writer, s subscribe.Subscriber) {
	kinds := make([]string, len(s.Choice.Kinds))
	for i, k := range s.Choice.Kinds {
		kinds[i] = string(k)
	}
	of := "all systems"
	if len(s.Choice.Components) > 0 {
		of = strings.Join(s.Choice.Components, " ")
	}
	fmt.Fprintf(w, "%-10s  %-7s  %s  %s, of %s\n", s.State, s.Way, s.Address, strings.Join(kinds, " "), of)
	if s.Reason != "" {
		fmt.Fprintf(w, "            %s\n", s.Reason)
	}
}

func newSubscribersAdd(g *global) *cobra.Command {
	var way, language, zone string
	var kinds, components []string
	c := &cobra.Command{
		Use: "add ADDRESS", Short: "Tell an address without asking it: you know that it has agreed", Args: addressArg,
		RunE: func(c *cobra.Command, args []string) error {
			s := subscribe.Subscriber{Way: subscribe.Way(way), Address: args[0], Choice: subscribe.Choice{Components: components, Language: language, Zone: zone}}
			for _, k := range kinds {
				s.Choice.Kinds = append(s.Choice.Kinds, subscribe.Kind(k))
			}
			return g.with(c.Context(), func(a *app.App) error {
				changed, err := a.AddSubscriber(c.Context(), s)
				if err != nil {
					return hint.Or(err, "lull subscribers add --help")
				}
				text := "It is told from now on."
				if !changed {
					text = "It was told already."
				}
				_, err = fmt.Fprintln(c.OutOrStdout(), text)
				return err
			})
		},
	}
	c.Flags().StringVar(&way, "way", "email", "email, webhook or slack")
	c.Flags().StringSliceVar(&kinds, "kind", []string{"maintenances", "incidents"}, "maintenances, incidents or changes; may be repeated")
	c.Flags().StringSliceVar(&components, "component", nil, "only what touches it; may be repeated")
	c.Flags().StringVar(&language, "language", "", "of what it is told")
	c.Flags().StringVar(&zone, "zone", "", "of the times that it is told, such as Europe/Paris")
	return c
}

func addressArg(c *cobra.Command, args []string) error {
	if len(args) == 1 {
		return nil
	}
	return hint.Errorf(c.CommandPath()+" ann@example.org", "%s takes an address", c.CommandPath())
}

func newSubscribersRemove(g *global) *cobra.Command {
	var way string
	c := &cobra.Command{
		Use: "remove ADDRESS", Short: "Forget an address, and all that was chosen for it", Args: addressArg,
		RunE: func(c *cobra.Command, args []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				if err := a.RemoveSubscriber(c.Context(), subscribe.Way(way), args[0]); err != nil {
					return err
				}
				_, err := fmt.Fprintln(c.OutOrStdout(), "It is forgotten.")
				return err
			})
		},
	}
	c.Flags().StringVar(&way, "way", "email", "email, webhook or slack")
	return c
}

func newSubscribersSuppress(g *global) *cobra.Command {
	var reason string
	var report bool
	c := &cobra.Command{
		Use: "suppress ADDRESS | --report", Short: "Send nothing to an address of mail any more",
		Long: `Send nothing to an address of mail any more, because mail came back or was complained about.
lull subscribers add lifts it.

With --report, a message is read from standard input that a mail server has sent back
(RFC 3464), or a provider of mailboxes (RFC 5965). In an alias file of Postfix:
  bounces: "|/usr/bin/lull -c /etc/lull/lull.yaml subscribers suppress --report"`,
		Args: func(c *cobra.Command, args []string) error {
			if report != (len(args) == 1) && len(args) < 2 {
				return nil
			}
			return hint.Errorf(c.CommandPath()+" ann@example.org", "%s takes an address, or --report", c.CommandPath())
		},
		RunE: func(c *cobra.Command, args []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				found := []subscribe.Returned{}
				var err error
				if report {
					found, err = a.SuppressReported(c.Context(), c.InOrStdin())
				} else {
					found = append(found, subscribe.Returned{Address: args[0], Reason: reason})
					err = a.SuppressAddress(c.Context(), args[0], reason)
				}
				if err != nil {
					return err
				}
				for _, r := range found {
					fmt.Fprintf(c.OutOrStdout(), "Nothing is sent to %s any more: %s\n", r.Address, r.Reason)
				}
				return nil
			})
		},
	}
	c.Flags().StringVar(&reason, "reason", "by the operator", "why, for lull subscribers list")
	c.Flags().BoolVar(&report, "report", false, "read a message that came back")
	return c
}

func newSubscribersImport(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "import FILE.csv", Short: "Tell all addresses of a list: you know that they have agreed",
		Long: `Tell all addresses of a list: you know that they have agreed.

The first line names the columns. Only address has to be there; the others are way, kinds,
components, language, zone, state and reason. Several kinds or components stand beside
each other with a space between. Who has left stays out, and who is suppressed stays so.`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				return nil
			}
			return hint.Errorf(c.CommandPath()+" subscribers.csv", "%s takes a file", c.CommandPath())
		},
		RunE: func(c *cobra.Command, args []string) error {
			f, err := os.Open(args[0])
			if err != nil {
				return hint.Wrap(err, "name the file, or go to its folder first")
			}
			defer f.Close()
			return g.with(c.Context(), func(a *app.App) error {
				n, err := a.ImportSubscribers(c.Context(), f)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(c.OutOrStdout(), "%s.\n", counted(n, "subscriber is new or changed", "subscribers are new or changed"))
				return err
			})
		},
	}
}

func newSubscribersExport(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "export", Short: "Print all subscribers as a list (CSV): addresses of webhooks and Slack in it are secrets", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return g.with(c.Context(), func(a *app.App) error { return a.ExportSubscribers(c.Context(), c.OutOrStdout()) })
		},
	}
}
