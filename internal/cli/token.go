package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lullhq/lull/internal/app"
	"github.com/lullhq/lull/internal/auth"
	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
)

func newToken(g *global) *cobra.Command {
	c := group(&cobra.Command{Use: "token", Short: "Who may use the API of `lull serve`"})
	c.AddCommand(newTokenCreate(g), newTokenList(g), newTokenRevoke(g))
	return c
}

func newTokenCreate(g *global) *cobra.Command {
	var scopes []string
	var expires string
	c := &cobra.Command{
		Use: "create NAME", Short: "Make a token and print it, once", Args: tokenArg,
		Long: `Make a token and print it, once: only a hash of it is kept.

Scopes:
  read          what the status page shows
  read:private  the operator's record: steps, errors, evidence, reports; includes read
  incidents     open, update, resolve and explain incidents
  components    set components by hand, and let them go
  changes       publish and withdraw posts of the change log
  maintenances  announce maintenances, and cancel what has not begun
  subscribers   have nothing sent to an address any more`,
		RunE: func(c *cobra.Command, args []string) error {
			after, err := lengthOfTime(expires)
			if err != nil {
				return err
			}
			var asked []auth.Scope
			for _, s := range scopes {
				asked = append(asked, auth.Scope(s))
			}
			return g.with(c.Context(), func(a *app.App) error {
				t, err := a.CreateToken(c.Context(), args[0], asked, after)
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(c.OutOrStdout(), t)
				}
				fmt.Fprintln(c.OutOrStdout(), t.Secret)
				fmt.Fprintf(c.ErrOrStderr(), "It is shown this once, and %s.\n", until(t.Token.Expires))
				return nil
			})
		},
	}
	c.Flags().StringSliceVar(&scopes, "scope", nil, "what it allows; may be repeated")
	c.Flags().StringVar(&expires, "expires", "", "for how long it holds, such as 90d; for ever when left out")
	return c
}

func newTokenList(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the tokens, with what they allow and when they were last used", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				list, err := a.Tokens(c.Context())
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(c.OutOrStdout(), list)
				}
				for _, t := range list {
					fmt.Fprintf(c.OutOrStdout(), "%-20s  %s\n  %s\n", t.Name, auth.Words(t.Scopes, " "), strings.Join(dates(t), ", "))
				}
				if len(list) == 0 {
					fmt.Fprintln(c.OutOrStdout(), "There is no token.")
				}
				return nil
			})
		},
	}
}

func newTokenRevoke(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "revoke NAME", Short: "End a token at once", Args: tokenArg,
		RunE: func(c *cobra.Command, args []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				if err := a.RevokeToken(c.Context(), args[0]); err != nil {
					return err
				}
				_, err := fmt.Fprintf(c.OutOrStdout(), "Token %s is revoked.\n", args[0])
				return err
			})
		},
	}
}

func tokenArg(c *cobra.Command, args []string) error {
	if len(args) == 1 {
		return nil
	}
	return hint.Errorf(c.CommandPath()+" github-actions", "%s takes the token's name", c.CommandPath())
}

func lengthOfTime(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	d, err := config.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, hint.Errorf("write it as 90d or 12h", "--expires %q is not a length of time", s)
	}
	return d, nil
}

func dates(t auth.Token) []string {
	out := []string{"created " + day(t.Created), until(t.Expires), "never used"}
	if !t.Used.IsZero() {
		out[2] = "last used " + t.Used.Format("2006-01-02 15:04 MST")
	}
	if !t.Revoked.IsZero() {
		out = append(out, "revoked "+day(t.Revoked))
	}
	return out
}

func until(expires time.Time) string {
	if expires.IsZero() {
		return "does not expire"
	}
	return "expires " + day(expires)
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
