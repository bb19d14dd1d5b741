package cli

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lullhq/lull/internal/app"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/notify"
)

func newDeliveries(g *global) *cobra.Command {
	c := group(&cobra.Command{Use: "deliveries", Short: "What was sent to whom, what waits, and what was given up"})
	c.AddCommand(newDeliveriesList(g), newDeliveriesRetry(g))
	return c
}

func newDeliveriesList(g *global) *cobra.Command {
	var state string
	p := notify.Page{Most: 100}
	c := &cobra.Command{
		Use: "list", Short: "List the deliveries, newest first", Args: noArgs,
		Long: `List the deliveries, newest first. Each is one notice to one recipient by one channel.

States:
  waiting    for its time, or for another attempt
  sending    right now, by lull serve
  sent       the other side has taken it
  dead       given up, with the reason; lull deliveries retry tries again
  overtaken  there was newer news before it went out, so it was not sent`,
		RunE: func(c *cobra.Command, _ []string) error {
			if state != "" {
				if !slices.Contains(notify.States, notify.State(state)) {
					return hint.Errorf("say one of: waiting, sending, sent, dead, overtaken", "%q is no state of a delivery", state)
				}
				p.States = []notify.State{notify.State(state)}
			}
			if p.Most < 1 || p.Before < 0 {
				return hint.Errorf("lull deliveries list --limit 100", "--limit is the number of deliveries to list, and --before the number of one of them")
			}
			return g.with(c.Context(), func(a *app.App) error {
				list, err := a.Deliveries(c.Context(), p)
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(c.OutOrStdout(), list)
				}
				printDeliveries(c.OutOrStdout(), list)
				if len(list) == p.Most {
					fmt.Fprintf(c.OutOrStdout(), "Older ones: --before %d\n", list[len(list)-1].ID)
				}
				return nil
			})
		},
	}
	c.Flags().StringVar(&state, "state", "", "only those in this state")
	c.Flags().IntVar(&p.Most, "limit", p.Most, "how many at most")
	c.Flags().Int64Var(&p.Before, "before", 0, "only those before the delivery of this number")
	return c
}

func printDeliveries(w io.Writer, list []notify.Delivery) {
	if len(list) == 0 {
		fmt.Fprintln(w, "There is no delivery.")
		return
	}
	for _, d := range list {
		fmt.Fprintf(w, "%6d  %-9s  %s  %s  %s to %s%s\n", d.ID, d.State, d.At.Format("2006-01-02 15:04:05 MST"), d.Notice.Subject, d.Notice.Word, d.Channel, recipient(d))
		for _, line := range notes(d) {
			fmt.Fprintf(w, "        %s\n", line)
		}
	}
}

func recipient(d notify.Delivery) string {
	if d.Recipient == d.Channel {
		return ""
	}
	return ", " + d.Recipient
}

func notes(d notify.Delivery) (out []string) {
	if d.Reason != "" && d.State != notify.Sent {
		out = append(out, d.Reason)
	}
	if d.State == notify.Waiting && d.Attempts > 0 {
		out = append(out, fmt.Sprintf("attempt %d at %s", d.Attempts+1, d.Due.Format("2006-01-02 15:04:05 MST")))
	}
	if d.Twice {
		out = append(out, "it may have come twice: an attempt ended without an answer")
	}
	return out
}

func newDeliveriesRetry(g *global) *cobra.Command {
	var dead bool
	c := &cobra.Command{
		Use: "retry NUMBER...", Short: "Try again what was given up",
		Args: func(c *cobra.Command, args []string) error {
			if dead != (len(args) > 0) {
				return nil
			}
			return hint.Errorf("lull deliveries list --state dead", "%s takes the numbers of deliveries, or --dead for all that were given up", c.CommandPath())
		},
		RunE: func(c *cobra.Command, args []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				numbers, err := chosen(c, a, args)
				if err != nil {
					return err
				}
				for _, id := range numbers {
					if err := a.RetryDelivery(c.Context(), id); err != nil {
						return err
					}
				}
				_, err = fmt.Fprintf(c.OutOrStdout(), "%s. lull serve sends what waits.\n", counted(len(numbers), "delivery waits", "deliveries wait"))
				return err
			})
		},
	}
	c.Flags().BoolVar(&dead, "dead", false, "all that were given up")
	return c
}

func chosen(c *cobra.Command, a *app.App, args []string) (out []int64, err error) {
	for _, arg := range args {
		id, err := strconv.ParseInt(strings.TrimSpace(arg), 10, 64)
		if err != nil {
			return nil, hint.Errorf("lull deliveries list --state dead", "%q is not the number of a delivery", arg)
		}
		out = append(out, id)
	}
	if len(args) > 0 {
		return out, nil
	}
	list, err := a.Deliveries(c.Context(), notify.Page{States: []notify.State{notify.Dead}})
	for _, d := range list {
		out = append(out, d.ID)
	}
	return out, err
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
