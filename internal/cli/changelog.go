package cli

import (
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/lullhq/lull/internal/app"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/say"
	"github.com/lullhq/lull/internal/view"
)

// posts are what `lull change list` prints.
type posts struct {
	Changes []view.Change  `json:"changes"`
	Drafts  []maint.Change `json:"drafts"`
}

func newChangeList(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the posts, newest first, and above them what nobody sees yet", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return g.with(c.Context(), func(a *app.App) (err error) {
				var p posts
				if p.Changes, err = a.Changes(c.Context()); err != nil {
					return err
				}
				if p.Drafts, err = a.Drafts(c.Context()); err != nil {
					return err
				}
				if g.json {
					return printJSON(c.OutOrStdout(), posts{Changes: slices.Concat([]view.Change{}, p.Changes), Drafts: slices.Concat([]maint.Change{}, p.Drafts)})
				}
				printPosts(c.OutOrStdout(), p)
				return nil
			})
		},
	}
}

func printPosts(w io.Writer, p posts) {
	for _, d := range p.Drafts {
		fmt.Fprintf(w, "%s  %s: %s\n", stands(d), d.ID.Name(), d.Draft.Post.Title)
	}
	for _, x := range p.Changes {
		fmt.Fprintf(w, "%s  %s: %s\n", x.Posted.Format("2006-01-02 15:04 MST"), x.Name, x.Title)
	}
	if len(p.Drafts)+len(p.Changes) == 0 {
		fmt.Fprintln(w, "No change on record.")
	}
}

// stands says what a draft waits for.
func stands(c maint.Change) string {
	switch {
	case !c.Draft.Due.IsZero():
		return "at " + c.Draft.Due.UTC().Format("2006-01-02 15:04 MST")
	case c.Version == 0:
		return "draft, of a completed maintenance"
	case c.Public():
		return "draft of other words"
	}
	return "draft"
}

func newChangeShow(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Print a post or a draft as its file: save it as NAME.md, change it, and add it again", Args: nameArg,
		RunE: func(c *cobra.Command, args []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				file, err := a.PostFile(c.Context(), args[0])
				if err != nil {
					return err
				}
				_, err = c.OutOrStdout().Write(file)
				return err
			})
		},
	}
}

func newChangePublish(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "publish NAME", Short: "Publish a draft as it is", Args: nameArg,
		RunE: func(c *cobra.Command, args []string) error {
			return g.tells(c, func(a *app.App) (say.Said, error) {
				s, err := a.PublishChange(c.Context(), say.Change{Name: args[0]})
				return s, hint.Or(err, "lull change list")
			})
		},
	}
}

func newChangeImport(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "import CHANGELOG.md", Short: "Make posts of the releases of a keepachangelog file",
		Long: `Make posts of the releases of a keepachangelog file.

Each release is a post of its own, dated as it says there. One without a date is a draft.
The same file again changes nothing, so it can be imported after each release.`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				return nil
			}
			return hint.Errorf(c.CommandPath()+" CHANGELOG.md", "%s takes a file", c.CommandPath())
		},
		RunE: func(c *cobra.Command, args []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				n, err := a.ImportChanges(c.Context(), args[0])
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(c.OutOrStdout(), n)
				}
				_, err = fmt.Fprintf(c.OutOrStdout(), "%s, %s, %s.\n", counted(n.Published, "post published", "posts published"),
					counted(n.Drafts, "draft", "drafts"), counted(n.Unchanged, "as it was", "as they were"))
				return err
			})
		},
	}
}

func newChangeExport(g *global) *cobra.Command {
	var drafts bool
	c := &cobra.Command{
		Use: "export [FILE]", Short: "Write the posts as a keepachangelog file", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				data, err := a.ExportChanges(c.Context(), drafts)
				if err != nil {
					return err
				}
				if len(args) == 0 {
					_, err = c.OutOrStdout().Write(data)
					return err
				}
				return os.WriteFile(args[0], data, 0o644)
			})
		},
	}
	c.Flags().BoolVar(&drafts, "drafts", false, "with what nobody sees yet")
	return c
}
