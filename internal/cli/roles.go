package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lullhq/lull/internal/app"
	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/roles"
)

func newRoles(g *global) *cobra.Command {
	c := group(&cobra.Command{Use: "roles", Short: "Roles of the database: how their passwords are kept, and new ones for them"})
	c.AddCommand(newRolesList(g), newRolesRotate(g))
	return c
}

func newRolesList(g *global) *cobra.Command {
	var cluster string
	c := &cobra.Command{
		Use: "list", Short: "List the roles, how each one's password is kept, and who still logs in by MD5", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return g.with(c.Context(), func(a *app.App) error {
				r, err := a.Roles(c.Context(), cluster)
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(c.OutOrStdout(), r)
				}
				printRoles(c.OutOrStdout(), r)
				return nil
			})
		},
	}
	c.Flags().StringVar(&cluster, "cluster", "", "of lull.yaml; may be left out where there is one")
	return c
}

func printRoles(w io.Writer, r app.RoleReport) {
	for _, role := range r.Roles {
		text := fmt.Sprintf("%-24s  %s", role.Name, role.Verifier)
		if role.Superuser {
			text += ", superuser"
		}
		if !role.Login {
			text += ", cannot log in"
		}
		fmt.Fprintln(w, text)
		for _, c := range role.MD5 {
			when := "by the log"
			if c.Now {
				when = "now"
			}
			fmt.Fprintf(w, "  logs in by MD5: %s (%s)\n", c, when)
		}
	}
	fmt.Fprintf(w, "Looked at: %s\n", r.Looked)
}

func newRolesRotate(g *global) *cobra.Command {
	var cluster, file, out string
	var show bool
	c := &cobra.Command{
		Use: "rotate NAME...", Short: "Give roles new passwords, kept as SCRAM, on servers and poolers at once",
		Long: `Give roles new passwords, kept as SCRAM, on servers and poolers at once.

The server is given what it keeps of the password, and never the password. The
new one is handed over before anything is changed: to --out, to --print, and to
secret_hook of the cluster, which gets a line of JSON by its standard input.

A password that is given may be the old one: then it is only kept in another way.`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return nil
			}
			return hint.Errorf(c.CommandPath()+" web --out web.pgpass", "%s takes the names of roles", c.CommandPath())
		},
		RunE: func(c *cobra.Command, args []string) error {
			o := app.RotateOptions{Cluster: cluster, Out: out}
			if file != "" {
				if len(args) > 1 {
					return hint.Errorf("name one role at a time", "one password is not for %d roles", len(args))
				}
				password, err := readPassword(file, c.InOrStdin())
				if err != nil {
					return err
				}
				o.Password = password
			}
			if show {
				o.Print = func(role string, password config.Secret) error {
					_, err := fmt.Fprintf(c.OutOrStdout(), "%s\t%s\n", role, password.Reveal())
					return err
				}
			}
			return g.with(c.Context(), func(a *app.App) error {
				return a.Rotate(c.Context(), args, o, func(r roles.Rotated) { printRotated(c.ErrOrStderr(), r) })
			})
		},
	}
	c.Flags().StringVar(&cluster, "cluster", "", "of lull.yaml; may be left out where there is one")
	c.Flags().StringVar(&file, "password-file", "", "the password, in the first line of a file; - is the standard input; a random one when left out")
	c.Flags().StringVar(&out, "out", "", "write the new passwords to this new file, in the form of libpq's password file")
	c.Flags().BoolVar(&show, "print", false, "print the new passwords")
	return c
}

func printRotated(w io.Writer, r roles.Rotated) {
	text := fmt.Sprintf("%s: kept as %s until now, as scram-sha-256 on %s", r.Role, r.Was, counted(r.Servers, "server", "servers"))
	if len(r.Poolers) > 0 {
		text += ", and in the users' file of " + strings.Join(r.Poolers, ", ")
	}
	fmt.Fprintln(w, text+".")
}

// readPassword reads the first line of a file.
func readPassword(name string, stdin io.Reader) (config.Secret, error) {
	from := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return config.Secret{}, hint.Wrap(fmt.Errorf("read the password: %w", err), "name a file whose first line is the password, or - for the standard input")
		}
		defer f.Close()
		from = f
	}
	line, err := bufio.NewReader(io.LimitReader(from, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return config.Secret{}, fmt.Errorf("read the password: %w", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return config.Secret{}, hint.Errorf("write it into the first line", "there is no password in %s", name)
	}
	return config.NewSecret(line), nil
}
