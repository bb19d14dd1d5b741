package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lullhq/lull/internal/app"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/say"
)

func newChange(g *global) *cobra.Command {
	c := group(&cobra.Command{Use: "change", Short: "The change log: what is new for your users"})
	c.AddCommand(newChangeAdd(g), newChangeList(g), newChangeShow(g), newChangePublish(g), newChangeWithdraw(g), newChangeImport(g), newChangeExport(g))
	return c
}

// changeFlags are a post that is not in a file.
type changeFlags struct {
	title, text, maintenance, at string
	labels                       []string
	draft                        bool
}

func newChangeAdd(g *global) *cobra.Command {
	f := &changeFlags{}
	c := &cobra.Command{
		Use: "add FILE.md | NAME --title TITLE --text TEXT", Short: "Publish a post, or publish it anew with other words",
		Long: `Publish a post, or publish it anew with other words.

A file is Markdown below a front matter with title, and if you like labels, maintenance,
date and draft. The post's name, which its address has, is the file's name without .md.
Pictures that lie beside the file are copied: PNG, JPEG, GIF and WebP, up to 4 MB.

With a time to come, lull serve publishes it then. A draft waits for: lull change publish`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				return nil
			}
			return hint.Errorf(c.CommandPath()+" dark-mode.md", "%s takes a Markdown file, or a name", c.CommandPath())
		},
		RunE: func(c *cobra.Command, args []string) error {
			return g.tells(c, func(a *app.App) (say.Said, error) {
				s, err := f.post(c, a, args[0])
				return s, hint.Or(err, "lull change add --help")
			})
		},
	}
	c.Flags().StringVar(&f.title, "title", "", "one line that a customer understands")
	c.Flags().StringVar(&f.text, "text", "", "what is new, in Markdown; - reads it from standard input")
	c.Flags().StringArrayVar(&f.labels, "label", nil, "what it is about; may be repeated")
	c.Flags().StringVar(&f.maintenance, "maintenance", "", "the maintenance that brought it")
	c.Flags().StringVar(&f.at, "at", "", "when it is published, such as '2026-12-05 17:00' in the page's zone; or when it was new")
	c.Flags().BoolVar(&f.draft, "draft", false, "keep it back until it is published by: lull change publish")
	return c
}

// post reads the file, or takes the flags: never some of both.
func (f *changeFlags) post(c *cobra.Command, a *app.App, arg string) (said say.Said, err error) {
	if !strings.HasSuffix(arg, ".md") {
		w := say.Change{Name: arg, Title: f.title, Labels: f.labels, Maintenance: f.maintenance, Draft: f.draft}
		if w.Text, err = textOrStdin(f.text, c.InOrStdin()); err != nil {
			return said, err
		}
		if f.at != "" {
			if w.Date, err = a.Instant(f.at); err != nil {
				return said, hint.Wrap(fmt.Errorf("--at: %w", err), "write it such as '2026-12-05 17:00'")
			}
		}
		return a.PostChange(c.Context(), w)
	}
	if f.title+f.text+f.maintenance+f.at != "" || f.labels != nil || f.draft {
		return said, hint.Errorf("write it into "+arg+", or give a name instead of a file", "the title, text, labels, maintenance and date of a file stand in the file")
	}
	return a.PostChangeFile(c.Context(), arg, say.Terms{})
}

func newChangeWithdraw(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "withdraw NAME", Short: "Take a post off the page, or give a draft up", Args: nameArg,
		RunE: func(c *cobra.Command, args []string) error {
			return g.tells(c, func(a *app.App) (say.Said, error) {
				s, err := a.WithdrawChange(c.Context(), say.Change{Name: args[0]})
				return s, hint.Or(err, "lull change list")
			})
		},
	}
}
