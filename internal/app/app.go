// Package app is the composition root: it reads the configuration, opens the store,
// and puts the parts together for each command. It is the only package that sees all
// others, and it decides nothing that one of them could decide.
package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/planstep"
	"github.com/lullhq/lull/internal/store"
	"github.com/lullhq/lull/internal/timeline"
)

// App is Lull with one configuration and its store open.
type App struct {
	Config *config.Config
	Ask    planstep.Ask // puts a plan's question to a person
	store  *store.Store
	file   storeFile
	record string // system identifier of the Postgres server that the store is on, "" = it is a file
	now    func() time.Time
	poll   time.Duration // how often a server looks at the record without a hint; 0 = as httpd does
	self   string        // this program, for the watchdog
}

// Open reads lull.yaml and opens the store that it names.
func Open(ctx context.Context, configFile, self string) (*App, error) {
	cfg, err := config.Load(configFile)
	if err != nil {
		return nil, err
	}
	st, err := openStore(ctx, cfg.Store)
	if err != nil {
		return nil, err
	}
	st.Tell(book(cfg))
	file, err := openedFrom(cfg.Store.File)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the store %s: %w", cfg.Store, err), st.Close())
	}
	record, err := st.Server(ctx)
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return &App{Config: cfg, store: st, file: file, record: record, now: time.Now, self: self}, nil
}

func openStore(ctx context.Context, where config.Store) (*store.Store, error) {
	if where.File != "" {
		return store.Open(ctx, where.File)
	}
	conninfo, err := where.Postgres.Conninfo()
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	return store.OpenPostgres(ctx, conninfo.Reveal())
}

// Close gives the store back.
func (a *App) Close() error { return a.store.Close() }

// plan reads a plan and what the record says of its maintenance.
func (a *App) plan(ctx context.Context, file string) (*config.Plan, maint.Maintenance, error) {
	p, err := config.LoadPlan(file, a.Config)
	if err != nil {
		return nil, maint.Maintenance{}, err
	}
	if p.Author == "" {
		p.Author = a.Config.Author
	}
	entries, err := a.store.History(ctx, p.ID)
	if err != nil {
		return nil, maint.Maintenance{}, fmt.Errorf("read the record of %s: %w", p.ID, err)
	}
	return p, timeline.Fold(p.ID, entries), nil
}
