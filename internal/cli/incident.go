package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lullhq/lull/internal/app"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/say"
)

func newIncident(g *global) *cobra.Command {
	c := group(&cobra.Command{Use: "incident", Short: "Tell of something that is wrong and was not planned"})
	c.AddCommand(newIncidentOpen(g), newIncidentUpdate(g), newIncidentResolve(g), newIncidentExplain(g), newIncidentList(g))
	return c
}

// incidentFlags are the words of a person.
type incidentFlags struct {
	title, text, status, severity, began string
	components                           []string
}

func (f *incidentFlags) add(c *cobra.Command, names ...string) {
	for _, name := range names {
		switch name {
		case "title":
			c.Flags().StringVar(&f.title, "title", "", "one line that a customer understands")
		case "text":
			c.Flags().StringVar(&f.text, "text", "", "what to say, in Markdown; - reads it from standard input")
		case "status":
			c.Flags().StringVar(&f.status, "status", "", "investigating, identified, monitoring or resolved")
		case "severity":
			c.Flags().StringVar(&f.severity, "severity", "", "none, minor, major or critical")
		case "component":
			c.Flags().StringArrayVar(&f.components, "component", nil, "what suffers, as ID=IMPACT, such as api=partial_outage; may be repeated")
		case "began":
			c.Flags().StringVar(&f.began, "began", "", "when it began, if before now, such as 2026-11-23T10:40:00Z")
		}
	}
}

func (f *incidentFlags) words(name string, in io.Reader) (w say.Incident, err error) {
	w = say.Incident{Name: name, Title: f.title, Status: maint.IncidentStatus(f.status), Severity: maint.Severity(f.severity), Text: f.text}
	if w.Text, err = textOrStdin(f.text, in); err != nil {
		return w, err
	}
	if f.began != "" {
		if w.Began, err = time.Parse(time.RFC3339, f.began); err != nil {
			return w, hint.Errorf("write it with its zone, such as 2026-11-23T10:40:00Z", "--began %q is not an instant", f.began)
		}
	}
	for _, pair := range f.components {
		id, impact, found := strings.Cut(pair, "=")
		if !found || id == "" || impact == "" {
			return w, hint.Errorf("write the component, = and the impact, such as --component api=partial_outage", "--component %q is not of the form ID=IMPACT", pair)
		}
		if w.Components == nil {
			w.Components = map[string]maint.Impact{}
		}
		w.Components[id] = maint.Impact(impact)
	}
	return w, nil
}

func newIncidentOpen(g *global) *cobra.Command {
	f := &incidentFlags{}
	c := &cobra.Command{
		Use: "open NAME", Short: "Tell of a new incident", Args: nameArg,
		RunE: func(c *cobra.Command, args []string) error {
			w, err := f.words(args[0], c.InOrStdin())
			if err != nil {
				return err
			}
			return g.tells(c, func(a *app.App) (say.Said, error) {
				s, err := a.OpenIncident(c.Context(), w)
				return s, hint.Or(err, "lull incident open --help; to say more of an incident: lull incident update "+w.Name+" --text TEXT")
			})
		},
	}
	f.add(c, "title", "text", "status", "severity", "component", "began")
	_ = c.Flags().Set("status", string(maint.Investigating))
	_ = c.Flags().Set("severity", string(maint.Minor))
	return c
}

func newIncidentUpdate(g *global) *cobra.Command {
	f := &incidentFlags{}
	c := &cobra.Command{
		Use: "update NAME", Short: "Say what is known now; what is not said stays", Args: nameArg,
		RunE: func(c *cobra.Command, args []string) error {
			w, err := f.words(args[0], c.InOrStdin())
			if err != nil {
				return err
			}
			return g.tells(c, func(a *app.App) (say.Said, error) { return updateIncident(c.Context(), a, w) })
		},
	}
	f.add(c, "text", "status", "severity", "component")
	return c
}

func newIncidentResolve(g *global) *cobra.Command {
	f := &incidentFlags{}
	c := &cobra.Command{
		Use: "resolve NAME", Short: "Say that it is over", Args: nameArg,
		RunE: func(c *cobra.Command, args []string) error {
			w, err := f.words(args[0], c.InOrStdin())
			if err != nil {
				return err
			}
			w.Status = maint.Resolved
			return g.tells(c, func(a *app.App) (say.Said, error) { return updateIncident(c.Context(), a, w) })
		},
	}
	f.add(c, "text")
	return c
}

func updateIncident(ctx context.Context, a *app.App, w say.Incident) (say.Said, error) {
	s, err := a.UpdateIncident(ctx, w)
	return s, hint.Or(err, "lull incident list")
}

func newIncidentExplain(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "postmortem NAME FILE", Short: "Publish what happened, a Markdown file", Args: func(c *cobra.Command, args []string) error {
			if len(args) == 2 {
				return nil
			}
			return hint.Errorf(c.CommandPath()+" slow-search what-happened.md", "%s takes the incident's name and a file", c.CommandPath())
		},
		RunE: func(c *cobra.Command, args []string) error {
			text, err := os.ReadFile(args[1])
			if err != nil {
				return hint.Wrap(fmt.Errorf("read the post-mortem: %w", err), "name a Markdown file that you may read")
			}
			return g.tells(c, func(a *app.App) (say.Said, error) {
				s, err := a.ExplainIncident(c.Context(), say.Incident{Name: args[0], Text: string(text)})
				return s, hint.Or(err, "lull incident list; an incident that is open is ended with lull incident resolve "+args[0]+" --text TEXT")
			})
		},
	}
}

func newIncidentList(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List incidents, open ones first", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				list, err := a.Incidents(c.Context())
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(c.OutOrStdout(), list)
				}
				for _, i := range list {
					fmt.Fprintf(c.OutOrStdout(), "%-13s  %-8s  %s  %s: %s\n", i.Status, i.Severity, i.Began.Format("2006-01-02 15:04 MST"), i.Name, i.Title)
				}
				if len(list) == 0 {
					fmt.Fprintln(c.OutOrStdout(), "No incident on record.")
				}
				return nil
			})
		},
	}
}

// textOrStdin gives the words, or with - those that are written to lull.
func textOrStdin(text string, in io.Reader) (string, error) {
	if text != "-" {
		return text, nil
	}
	b, err := io.ReadAll(io.LimitReader(in, 1<<20))
	if err != nil {
		return "", fmt.Errorf("read the text: %w", err)
	}
	return string(b), nil
}

// tells does one thing that says something to the public, and prints what came of it.
func (g *global) tells(c *cobra.Command, do func(*app.App) (say.Said, error)) error {
	return g.with(c.Context(), func(a *app.App) error {
		t, err := do(a)
		if err != nil {
			return err
		}
		if g.json {
			return printJSON(c.OutOrStdout(), t)
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "%s\n%s\n", t.Text, t.URL)
		return err
	})
}

func nameArg(c *cobra.Command, args []string) error {
	if len(args) == 1 {
		return nil
	}
	return hint.Errorf(c.CommandPath()+" slow-search", "%s takes one name", c.CommandPath())
}
