// Package tryout tries on a throw-away server of the target version what no catalog tells: whether
// the definitions can be loaded, the settings are understood, the libraries are there, rows go in
// as replication would put them in, and what pg_upgrade itself says. The server has no port and ends with this process.
//
// It reads the source and writes nothing there. It must not know of steps, or of the target's own folder.
package tryout

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgserver"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/preflight"
)

// Trial is what is tried.
type Trial struct {
	Source    cluster.Endpoint
	Inventory cluster.Inventory
	Old, New  pgserver.Install
	Settings  map[string]string // of the new server, over what is carried from the source

	dir    string
	server pgserver.Server
}

// enough is how long the whole of it may take.
const enough = 10 * time.Minute

// Run makes the server, tries everything and throws the server away. What cannot be tried is a finding, too.
func (t Trial) Run(ctx context.Context) []checks.Finding {
	out, err := t.run(ctx)
	if err == nil {
		return out
	}
	for _, f := range found("not-tried", "", []checks.Object{{Detail: err.Error()}}) {
		if next := hint.Of(err); next != "" {
			f.Fix = next
		}
		out = append(out, f)
	}
	return out
}

func (t Trial) run(ctx context.Context) (found []checks.Finding, err error) {
	ctx, cancel := context.WithTimeout(ctx, enough)
	defer cancel()
	if t.dir, err = t.New.Owner.TempDir(); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(t.dir)) }()
	t.server = pgserver.Server{Install: t.New, Data: filepath.Join(t.dir, "data"), Port: 5432, SocketDir: t.dir} // nobody else is in that folder
	defer func() { err = errors.Join(err, t.server.Stop(context.WithoutCancel(ctx), "immediate")) }()
	if err := t.prepare(ctx); err != nil {
		return nil, err
	}
	for _, try := range []func(context.Context) ([]checks.Finding, error){t.settings, t.start, t.jit, t.cache, t.globals, t.databases, t.pgUpgrade} {
		more, err := try(ctx)
		if err != nil {
			return found, err
		}
		found = append(found, more...)
	}
	return found, nil
}

func (t Trial) prepare(ctx context.Context) error {
	inv := t.Inventory
	if inv.Major() < 10 {
		return errors.New("try the new version: the old one is too old")
	}
	if err := t.server.Init(ctx, t.likeSource()); err != nil {
		return fmt.Errorf("make a throw-away server: %w", err)
	}
	if err := t.Source.WritePassfile(t.passfile()); err != nil {
		return err
	}
	if t.Source.Password == "" {
		return nil
	}
	return t.New.Owner.Own(t.passfile())
}

func (t Trial) passfile() string { return filepath.Join(t.dir, "pgpass") }

// source is how a program reaches a database of the source.
func (t Trial) source(database string) string {
	file := t.passfile()
	if t.Source.Password == "" {
		file = ""
	}
	return t.Source.Libpq(database, file)
}

// here is how the throw-away server is reached.
func (t Trial) here() cluster.Endpoint {
	return cluster.Endpoint{Conninfo: fmt.Sprintf("host=%s port=5432 user=%s dbname=postgres", cluster.Quote(t.dir), cluster.Quote(t.Inventory.Bootstrap))}
}

// found makes a finding of the catalogue's check, and none without objects.
func found(id, database string, objects []checks.Object) []checks.Finding {
	if len(objects) == 0 {
		return nil
	}
	all := preflight.Catalogue()
	c := all[slices.IndexFunc(all, func(c checks.Check) bool { return c.ID == id })]
	return []checks.Finding{c.Finding(database, objects)}
}

// databases goes through all that are upgraded.
func (t Trial) databases(ctx context.Context) (out []checks.Finding, err error) {
	for _, db := range t.Inventory.Databases {
		more, err := t.database(ctx, db.Name)
		if err != nil {
			return out, fmt.Errorf("database %s: %w", db.Name, err)
		}
		out = append(out, more...)
	}
	return out, nil
}

func (t Trial) database(ctx context.Context, name string) (out []checks.Finding, err error) {
	loaded, err := t.schema(ctx, name)
	if err != nil {
		return nil, err
	}
	out = append(out, loaded...)
	src, err := t.Source.Connect(ctx, name)
	if err != nil {
		return nil, err
	}
	defer src.Close(context.WithoutCancel(ctx))
	if _, err := src.Exec(ctx, "SET default_transaction_read_only = on; SET statement_timeout = '30s'"); err != nil {
		return nil, fmt.Errorf("prepare a session: %w", err)
	}
	dst, err := t.here().Connect(ctx, name)
	if err != nil {
		return out, nil // it could not be created there, and the load has said so
	}
	defer dst.Close(context.WithoutCancel(ctx))
	for _, try := range []attempt{extensions, libraries, collations, rows} {
		more, err := try(ctx, src, dst, name)
		if err != nil {
			return out, err
		}
		out = append(out, more...)
	}
	return out, nil
}
