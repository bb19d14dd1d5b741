package store

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/lullhq/lull/internal/hint"
)

// migrate brings the tables up to date. The caller sees to it that no other process does so at the same time.
func migrate(ctx context.Context, db *sql.DB, dialect goose.Dialect, all fs.FS, dir string) error {
	files, err := fs.Sub(all, dir)
	if err != nil {
		return err
	}
	// A lower number may come with a later lull: no migration counts on one that it does not name.
	p, err := goose.NewProvider(dialect, db, files, goose.WithDisableGlobalRegistry(true), goose.WithAllowOutofOrder(true))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	have, known, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the version of the tables: %w", err)
	}
	if have > known {
		return hint.Errorf("use the newer lull, or another store", "its tables are of version %d, this lull knows %d", have, known)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}
