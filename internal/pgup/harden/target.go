package harden

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgserver"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

// Target is the server that is made stricter. It runs on this machine, and nobody is on it.
type Target struct {
	Owner    pgserver.Owner
	Data     string
	Endpoint cluster.Endpoint // as Lull's own role
	Address  string           // host:port
}

// databases are all that somebody may get into: those that nothing is copied for, and the template of those to come, too.
func databases(ctx context.Context, conn *pgx.Conn) ([]string, error) {
	rows, err := conn.Query(ctx, `SELECT datname FROM pg_database WHERE datallowconn ORDER BY 1`)
	if err != nil {
		return nil, fmt.Errorf("list the databases: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list the databases: %w", err)
	}
	return list, nil
}

// Before is what it takes to take everything back. Keep writes it down before anything is changed by it.
type Before struct {
	Items    Items       `json:"items"`
	Settings []setting   `json:"settings,omitempty"` // as ALTER SYSTEM had them
	Back     []Statement `json:"back,omitempty"`     // the last one first
	HBA      string      `json:"hba,omitempty"`      // SHA-256 of the pg_hba.conf that was put in place of the one beside it
	Tried    []string    `json:"tried,omitempty"`    // what was seen when it was tried
}

// setting is one as it was before.
type setting struct {
	Name string  `json:"name"`
	Was  *string `json:"was,omitempty"` // nil = ALTER SYSTEM had no value for it
}

// Statement is one for a database.
type Statement struct {
	Database string `json:"database"`
	SQL      string `json:"sql"`
}

// Keep writes down durably what it takes to take everything back.
type Keep func(context.Context, Before) error

// reloaded is how long a server may take until it goes by its new files.
const reloaded = 3 * time.Minute

// Look says what of the list is not in force, in words; none = all is.
func (t Target) Look(ctx context.Context, want Items, before Before) (missing []string, err error) {
	conn, err := t.Endpoint.Connect(ctx, "")
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if missing, err = unset(ctx, conn, want.settings(t.Data)); err != nil {
		return nil, err
	}
	if want.access() != (Access{}) {
		_, text, wanted, err := t.hba(want, before)
		if err != nil {
			return nil, err
		}
		if text != wanted {
			missing = append(missing, "pg_hba.conf")
		}
	}
	all, err := databases(ctx, conn)
	if err != nil {
		return nil, err
	}
	for _, db := range all {
		for _, kind := range want.kinds() {
			list, err := t.statements(ctx, db, kind)
			if err != nil {
				return nil, err
			}
			for _, s := range list {
				missing = append(missing, s.do)
			}
		}
	}
	if !before.Items.same(want) || len(before.Tried) == 0 {
		missing = append(missing, "the trial")
	}
	return missing, nil
}

// unset are those of the settings that a new session does not have.
func unset(ctx context.Context, conn *pgx.Conn, list []cluster.Setting) (out []string, err error) {
	for _, s := range list {
		var now string
		if err := conn.QueryRow(ctx, "SELECT current_setting($1)", s.Name).Scan(&now); err != nil {
			return nil, fmt.Errorf("look at %s: %w", s.Name, err)
		}
		if now != s.Value {
			out = append(out, s.Name)
		}
	}
	return out, nil
}

// Apply puts the list in force, tries it, and gives what was seen. What an earlier list had put in
// force and this one does not have is taken back.
func (t Target) Apply(ctx context.Context, want Items, before *Before, keep Keep) error {
	if before.Items.Any() && !before.Items.same(want) {
		if err := t.Undo(ctx, *before); err != nil {
			return err
		}
		*before = Before{}
	}
	before.Items, before.Tried = want, nil
	conn, err := t.Endpoint.Connect(ctx, "")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := t.applySettings(ctx, conn, want, before, keep); err != nil {
		return err
	}
	all, err := databases(ctx, conn)
	if err != nil {
		return err
	}
	for _, db := range all {
		for _, kind := range want.kinds() {
			if err := t.applyStatements(ctx, db, kind, before, keep); err != nil {
				return err
			}
		}
	}
	if err := t.applyHBA(ctx, conn, want, before, keep); err != nil {
		return err
	}
	if before.Tried, err = t.tryUntil(ctx, conn, want, before); err != nil {
		return err
	}
	return keep(ctx, *before)
}

func (t Target) applySettings(ctx context.Context, conn *pgx.Conn, want Items, before *Before, keep Keep) error {
	if want.TLS != nil {
		if err := t.installCertificate(*want.TLS); err != nil {
			return err
		}
	}
	list := want.settings(t.Data)
	for _, s := range list {
		if slices.ContainsFunc(before.Settings, func(x setting) bool { return x.Name == s.Name }) {
			continue
		}
		was := setting{Name: s.Name}
		err := conn.QueryRow(ctx, `SELECT max(setting) FROM pg_file_settings WHERE name = $1 AND sourcefile ~ '/postgresql[.]auto[.]conf$'`, s.Name).Scan(&was.Was)
		if err != nil {
			return fmt.Errorf("look at %s: %w", s.Name, err)
		}
		before.Settings = append(before.Settings, was)
	}
	if err := keep(ctx, *before); err != nil {
		return err
	}
	for _, s := range list {
		if _, err := conn.Exec(ctx, "ALTER SYSTEM SET "+cluster.Ident(s.Name)+" = "+cluster.Literal(s.Value)); err != nil {
			return fmt.Errorf("set %s: %w", s.Name, err)
		}
	}
	return reload(ctx, conn)
}

func reload(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, "SELECT pg_reload_conf()"); err != nil {
		return fmt.Errorf("have the server read its files again: %w", err)
	}
	return nil
}

// applyStatements writes down what takes them back before the first is run. One that was run is found no more.
func (t Target) applyStatements(ctx context.Context, db, kind string, before *Before, keep Keep) error {
	list, err := t.statements(ctx, db, kind)
	if err != nil || len(list) == 0 {
		return err
	}
	for _, s := range list {
		back := Statement{db, s.back}
		if !slices.Contains(before.Back, back) {
			before.Back = slices.Insert(before.Back, 0, back)
		}
	}
	if err := keep(ctx, *before); err != nil {
		return err
	}
	for _, s := range list {
		if err := t.run(ctx, Statement{db, s.do}); err != nil {
			return err
		}
	}
	return nil
}

func (t Target) run(ctx context.Context, s Statement) error {
	conn, err := t.Endpoint.Connect(ctx, s.Database)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, s.SQL); err != nil {
		return fmt.Errorf("database %s: %s: %w", s.Database, s.SQL, err)
	}
	return nil
}

func (t Target) hbaFile() string { return filepath.Join(t.Data, "pg_hba.conf") }

// original is where the pg_hba.conf is kept that was there before.
func (t Target) original() string { return t.hbaFile() + ".before-lull" }

// hba gives the file as it was, as it is, and as it is to be. One that is not what was written here
// last, somebody has changed since, or the server was set up again: that one counts as the one before.
func (t Target) hba(want Items, before Before) (was, is, wanted string, err error) {
	b, err := os.ReadFile(t.hbaFile())
	if err != nil {
		return "", "", "", fmt.Errorf("read the access rules: %w", err)
	}
	is, was = string(b), string(b)
	if before.HBA == sum(is) {
		b, err := os.ReadFile(t.original())
		if err != nil {
			return "", "", "", fmt.Errorf("read the access rules as they were: %w", err)
		}
		was = string(b)
	}
	wanted, err = want.access().Rewrite(was)
	return was, is, wanted, err
}

func sum(text string) string {
	b := sha256.Sum256([]byte(text))
	return hex.EncodeToString(b[:])
}

func (t Target) applyHBA(ctx context.Context, conn *pgx.Conn, want Items, before *Before, keep Keep) error {
	if want.access() == (Access{}) {
		return nil
	}
	was, is, wanted, err := t.hba(want, *before)
	if err != nil {
		return err
	}
	if before.HBA != sum(is) {
		if err := t.write(t.original(), was); err != nil {
			return err
		}
	}
	before.HBA = sum(wanted)
	if err := keep(ctx, *before); err != nil {
		return err
	}
	if err := t.write(t.hbaFile(), wanted); err != nil {
		return err
	}
	return reload(ctx, conn)
}

// write puts a whole file in the place of another.
func (t Target) write(path, content string) error {
	if err := t.Owner.WriteFile(path+".partial", []byte(content)); err != nil {
		return err
	}
	if err := os.Rename(path+".partial", path); err != nil {
		return fmt.Errorf("write a file of the server: %w", err)
	}
	return nil
}

// tryUntil tries again while the server may not have read its files yet. When it does not get what it
// wants, the access rules are what they were before: a server with rules that it cannot read does not start.
func (t Target) tryUntil(ctx context.Context, conn *pgx.Conn, want Items, before *Before) (seen []string, err error) {
	for end := time.Now().Add(reloaded); ; {
		if seen, err = t.try(ctx, want); err == nil {
			return seen, nil
		}
		var past *passedError
		if !errors.As(err, &past) || time.Now().After(end) {
			break
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	out, back := t.lockedOut(ctx), errors.Join(t.undoHBA(*before), reload(ctx, conn))
	if out == nil {
		return nil, hint.Wrap(errors.Join(fmt.Errorf("try what was made stricter: %w", err), back), "put right what is said here and type the same command again, or take it out of harden in the plan")
	}
	return nil, hint.Wrap(errors.Join(fmt.Errorf("lull itself cannot log in by the new access rules, which are taken back: %w", out), back),
		"give Lull's role a password that is kept as SCRAM (lull roles rotate), or another way in; or take hba and scram out of harden")
}

func (t Target) lockedOut(ctx context.Context) error {
	conn, err := t.Endpoint.Connect(ctx, "")
	if err == nil {
		_ = conn.Close(context.WithoutCancel(ctx))
	}
	return err
}

// Undo takes everything back that Before tells of. A file that somebody has changed since is left alone.
func (t Target) Undo(ctx context.Context, before Before) error {
	conn, err := t.Endpoint.Connect(ctx, "")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := t.undoHBA(before); err != nil {
		return err
	}
	for _, s := range before.Back {
		if err := t.run(ctx, s); err != nil {
			return fmt.Errorf("take back: %w", err)
		}
	}
	for _, s := range before.Settings {
		sql := "ALTER SYSTEM RESET " + cluster.Ident(s.Name)
		if s.Was != nil {
			sql = "ALTER SYSTEM SET " + cluster.Ident(s.Name) + " = " + cluster.Literal(*s.Was)
		}
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("take back %s: %w", s.Name, err)
		}
	}
	if err := reload(ctx, conn); err != nil {
		return err
	}
	return t.removeCertificate()
}

func (t Target) undoHBA(before Before) error {
	if before.HBA == "" {
		return nil
	}
	is, err := os.ReadFile(t.hbaFile())
	if err != nil {
		return fmt.Errorf("read the access rules: %w", err)
	}
	was, err := os.ReadFile(t.original())
	if errors.Is(err, os.ErrNotExist) || sum(string(is)) != before.HBA {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the access rules as they were: %w", err)
	}
	return t.write(t.hbaFile(), string(was))
}

// Evidence puts what was seen into a sentence.
func (b Before) Evidence() string {
	return strings.Join(b.Items.Names(), ", ") + ": " + strings.Join(b.Tried, "; ")
}
