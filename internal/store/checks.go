package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/maint"
)

// LastCheck is what the last check of a plan found, and when it was. The time is zero when there was none.
func (s *Store) LastCheck(ctx context.Context, id maint.ID) (found []checks.Finding, at time.Time, err error) {
	var text string
	var micros int64
	err = s.reader.QueryRowContext(ctx, `SELECT at, found FROM checks WHERE maintenance = $1`, string(id)).Scan(&micros, &text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, time.Time{}, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &found)
	}
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("read what the last check of %s found: %w", id, err)
	}
	return found, time.UnixMicro(micros).UTC(), nil
}

// KeepCheck keeps what a check found in the place of what the one before did.
func (s *Store) KeepCheck(ctx context.Context, id maint.ID, found []checks.Finding, at time.Time) error {
	text, err := json.Marshal(found)
	if err != nil {
		return fmt.Errorf("keep what a check of %s found: %w", id, err)
	}
	err = s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO checks (maintenance, at, found) VALUES ($1, $2, $3)
			ON CONFLICT (maintenance) DO UPDATE SET at = excluded.at, found = excluded.found`, string(id), at.UnixMicro(), string(text))
		return err
	})
	if err != nil {
		return fmt.Errorf("keep what a check of %s found: %w", id, err)
	}
	return nil
}
