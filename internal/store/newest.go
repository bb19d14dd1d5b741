package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
)

// Newest gives the newest sample of every maintenance that has one.
func (s *Store) Newest(ctx context.Context) (out map[maint.ID]run.Progress, err error) {
	rows, err := s.samples.db.QueryContext(ctx, `SELECT maintenance, data FROM samples
		WHERE seq IN (SELECT max(seq) FROM samples GROUP BY maintenance)`)
	if err != nil {
		return nil, fmt.Errorf("read the newest samples: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	out = map[maint.ID]run.Progress{}
	for rows.Next() {
		var id maint.ID
		var data []byte
		var p run.Progress
		if err := rows.Scan(&id, &data); err != nil {
			return nil, fmt.Errorf("read the newest samples: %w", err)
		}
		if err := json.Unmarshal(data, &p); err != nil {
			return nil, fmt.Errorf("read a sample of %s: %w", id, err)
		}
		out[id] = p
	}
	return out, rows.Err()
}
