package pgbouncer

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/connfail"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup/gate"
)

// Users is a pooler's file of users with new secrets in it, written beside the old one and not in force yet.
type Users struct {
	pooler gate.Pooler
	file   configFile
	was    []byte
	Found  bool // the role has a line in it
}

// StageUser writes the secret of one role into a new file beside auth_file. All other lines, comments, owner and rights stay as
// they are. A role that has no line gets none: the pooler asks the server for it (auth_query), or does not let it in.
func StageUser(ctx context.Context, p gate.Pooler, role, secret string) (*Users, error) {
	settings, err := Settings(ctx, p)
	if err != nil {
		return nil, err
	}
	u := &Users{pooler: p}
	name := settings["auth_file"]
	if name == "" {
		return u, nil
	}
	if !filepath.IsAbs(name) {
		return nil, hint.Errorf("write auth_file with its whole path into the pooler's file, and RELOAD", "pooler %s names its users' file as %s, and nobody knows in which folder it runs", p.Name, name)
	}
	if u.file, err = openConfig(name); err != nil {
		return nil, fmt.Errorf("pooler %s: users' file: %w", p.Name, err)
	}
	if u.was, err = u.file.read(); err != nil {
		return nil, fmt.Errorf("pooler %s: users' file: %w", p.Name, err)
	}
	text, found := withSecret(string(u.was), role, secret)
	if u.Found = found; !found {
		return u, nil
	}
	if err := u.file.stage([]byte(text)); err != nil {
		return nil, fmt.Errorf("pooler %s: users' file: %w", p.Name, err)
	}
	return u, nil
}

// Commit puts the file in force.
func (u *Users) Commit(ctx context.Context) error {
	if !u.Found {
		return nil
	}
	if err := u.file.swap(); err != nil {
		return fmt.Errorf("pooler %s: users' file: %w", u.pooler.Name, err)
	}
	u.file.settle()
	return u.reload(ctx)
}

// LogIn logs in through the pooler as a client does, once. It shows that the new password is taken, and the pooler
// learns by it how to log in at the server: of clients that were there before, it has what belongs to the old one.
// A role that has no line may be none of the pooler's, so that its error says nothing.
func (u *Users) LogIn(ctx context.Context, role, password string) error {
	c, err := newConsole(u.pooler.Admin)
	if err != nil {
		return err
	}
	defer c.close()
	rows, err := c.run(ctx, "SHOW DATABASES")
	if err != nil {
		return fmt.Errorf("pooler %s: list its databases: %w", u.pooler.Name, err)
	}
	var failed error
	for _, r := range rows {
		if r["name"] == "pgbouncer" {
			continue
		}
		if failed = u.logIn(ctx, r["name"], role, password); failed == nil {
			return nil
		}
	}
	if !u.Found {
		return nil
	}
	return failed
}

// loginPatience is how long a login through the pooler may take.
const loginPatience = 10 * time.Second

func (u *Users) logIn(ctx context.Context, database, role, password string) error {
	cfg, err := pgx.ParseConfig(u.pooler.Admin)
	if err != nil {
		return fmt.Errorf("pooler %s: read its address: %w", u.pooler.Name, err)
	}
	cfg.User, cfg.Password, cfg.Database, cfg.DefaultQueryExecMode = role, password, database, pgx.QueryExecModeSimpleProtocol
	cfg.RuntimeParams = map[string]string{"application_name": "lull"}
	ctx, cancel := context.WithTimeout(ctx, loginPatience)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err == nil {
		_, err = conn.Exec(ctx, "SELECT 1")
		_ = conn.Close(context.WithoutCancel(ctx))
	}
	if err != nil {
		return fmt.Errorf("pooler %s: log in as %s: %w", u.pooler.Name, role, connfail.Short(err))
	}
	return nil
}

// Back puts the old file in force again, or throws the new one away.
func (u *Users) Back(ctx context.Context) error {
	if !u.Found {
		return nil
	}
	now, err := u.file.read()
	if err == nil && string(now) == string(u.was) {
		u.file.settle()
		return nil
	}
	if err := u.file.stage(u.was); err != nil {
		return fmt.Errorf("pooler %s: users' file: %w", u.pooler.Name, err)
	}
	return u.Commit(ctx)
}

func (u *Users) reload(ctx context.Context) error {
	c, err := newConsole(u.pooler.Admin)
	if err != nil {
		return err
	}
	defer c.close()
	if _, err := c.run(ctx, "RELOAD"); err != nil {
		return fmt.Errorf("pooler %s: read its users anew: %w", u.pooler.Name, err)
	}
	return nil
}

// userLine is one of the users' file: name and secret, each quoted (manual, "Authentication file format").
var userLine = regexp.MustCompile(`(?m)^([ \t]*"((?:[^"\n]|"")*)"[ \t]+")((?:[^"\n]|"")*)(")`)

func withSecret(text, role, secret string) (out string, found bool) {
	quote := func(s string) string { return strings.ReplaceAll(s, `"`, `""`) }
	var b strings.Builder
	at := 0
	for _, m := range userLine.FindAllStringSubmatchIndex(text, -1) {
		if strings.ReplaceAll(text[m[4]:m[5]], `""`, `"`) != role {
			continue
		}
		found = true
		b.WriteString(text[at:m[6]] + quote(secret))
		at = m[7]
	}
	return b.String() + text[at:], found
}
