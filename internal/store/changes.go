package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"

	"github.com/lullhq/lull/internal/timeline"
)

// Drafted gives the last entry of each post whose words wait to be published.
func (s *Store) Drafted(ctx context.Context) ([]timeline.Entry, error) {
	return s.entries(ctx, `SELECT `+entryColumns+` FROM entries WHERE kind = 'change_drafted'
		AND NOT EXISTS (SELECT 1 FROM entries AS later WHERE later.subject = entries.subject AND later.version > entries.version) ORDER BY seq`)
}

// KeepPicture keeps a picture and gives its name, which is the same for the same bytes. ending is that of its type: ".png".
func (s *Store) KeepPicture(ctx context.Context, ending string, body []byte) (string, error) {
	sum := sha256.Sum256(body)
	name := hex.EncodeToString(sum[:]) + ending
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO pictures (name, body) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, name, body)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("keep a picture: %w", err)
	}
	return name, nil
}

// Picture gives the bytes of one that was kept.
func (s *Store) Picture(ctx context.Context, name string) (body []byte, err error) {
	if err := s.reader.QueryRowContext(ctx, `SELECT body FROM pictures WHERE name = $1`, name).Scan(&body); err != nil {
		return nil, fmt.Errorf("read picture %s: %w", name, err)
	}
	return body, nil
}
