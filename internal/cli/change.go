package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lullhq/lull/internal/app"
	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/say"
)

func newChange(g *global) *cobra.Command {
	c := group(&cobra.Command{Use: "change", Short: "The change log: what is new for your users"})
	c.AddCommand(newChangeAdd(g), newChangeList(g), newChangeWithdraw(g))
	return c
}

// changeFlags are a post that is not in a file.
type changeFlags struct {
	title, text, maintenance string
	labels                   []string
}

func newChangeAdd(g *global) *cobra.Command {
	f := &changeFlags{}
	c := &cobra.Command{
		Use: "add FILE.md | NAME --title TITLE --text TEXT", Short: "Publish a post, or publish it anew with other words",
		Long: `Publish a post, or publish it anew with other words.

A file is Markdown below a front matter with title, and if you like labels and maintenance.
The post's name, which its address has, is the file's name without .md.`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				return nil
			}
			return hint.Errorf(c.CommandPath()+" dark-mode.md", "%s takes a Markdown file, or a name", c.CommandPath())
		},
		RunE: func(c *cobra.Command, args []string) error {
			w, err := f.words(args[0], c.InOrStdin())
			if err != nil {
				return err
			}
			return g.tells(c, func(a *app.App) (say.Said, error) {
				s, err := a.PostChange(c.Context(), w)
				return s, hint.Or(err, "lull change add --help")
			})
		},
	}
	c.Flags().StringVar(&f.title, "title", "", "one line that a customer understands")
	c.Flags().StringVar(&f.text, "text", "", "what is new, in Markdown; - reads it from standard input")
	c.Flags().StringArrayVar(&f.labels, "label", nil, "what it is about; may be repeated")
	c.Flags().StringVar(&f.maintenance, "maintenance", "", "the maintenance that brought it")
	return c
}

// words reads the file, or takes the flags: never some of both.
func (f *changeFlags) words(arg string, in io.Reader) (w say.Change, err error) {
	name, isFile := strings.CutSuffix(filepath.Base(arg), ".md")
	switch {
	case !isFile:
		w = say.Change{Name: arg, Title: f.title, Text: f.text, Labels: f.labels, Maintenance: f.maintenance}
		w.Text, err = textOrStdin(f.text, in)
		return w, err
	case f.title+f.text+f.maintenance != "" || f.labels != nil:
		return w, hint.Errorf("write it into "+arg+", or give a name instead of a file", "the title, text, labels and maintenance of a file stand in the file")
	}
	p, err := config.LoadPost(arg)
	if err != nil {
		return w, err
	}
	return say.Change{Name: name, Title: p.Title, Text: p.Text, Labels: p.Labels, Maintenance: p.Maintenance}, nil
}

func newChangeList(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the posts, newest first", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				list, err := a.Changes(c.Context())
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(c.OutOrStdout(), list)
				}
				for _, x := range list {
					fmt.Fprintf(c.OutOrStdout(), "%s  %s: %s\n", x.Posted.Format("2006-01-02 15:04 MST"), x.Name, x.Title)
				}
				if len(list) == 0 {
					fmt.Fprintln(c.OutOrStdout(), "No change on record.")
				}
				return nil
			})
		},
	}
}

func newChangeWithdraw(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "withdraw NAME", Short: "Take a post off the page", Args: nameArg,
		RunE: func(c *cobra.Command, args []string) error {
			return g.tells(c, func(a *app.App) (say.Said, error) {
				s, err := a.WithdrawChange(c.Context(), say.Change{Name: args[0]})
				return s, hint.Or(err, "lull change list")
			})
		},
	}
}
