package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/auth"
)

var _ auth.Tokens = (*Store)(nil)

const tokenColumns = `name, scopes, created, expires, used, revoked`

// AddToken implements auth.Tokens.
func (s *Store) AddToken(ctx context.Context, t auth.Token, h auth.Hash) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		var taken bool
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM tokens WHERE name = $1)`, t.Name).Scan(&taken); err != nil {
			return err
		}
		if taken {
			return auth.ErrTaken
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO tokens (name, hash, scopes, created, expires) VALUES ($1, $2, $3, $4, $5)`,
			t.Name, h[:], auth.Words(t.Scopes, " "), t.Created.UnixMicro(), nullMicros(t.Expires))
		return err
	})
	if err != nil {
		return fmt.Errorf("keep token %s: %w", t.Name, err)
	}
	return nil
}

// FindToken implements auth.Tokens.
func (s *Store) FindToken(ctx context.Context, h auth.Hash) (auth.Token, error) {
	t, err := scanToken(s.reader.QueryRowContext(ctx, `SELECT `+tokenColumns+` FROM tokens WHERE hash = $1`, h[:]))
	if errors.Is(err, sql.ErrNoRows) {
		return auth.Token{}, auth.ErrUnknown
	}
	if err != nil {
		return auth.Token{}, fmt.Errorf("look a token up: %w", err)
	}
	return t, nil
}

// ListTokens implements auth.Tokens.
func (s *Store) ListTokens(ctx context.Context) (out []auth.Token, err error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT `+tokenColumns+` FROM tokens ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		t, err := scanToken(rows)
		if err != nil {
			return nil, fmt.Errorf("list tokens: %w", err)
		}
		out = append(out, t)
	}
	return out, rows.Err()
}

// RevokeToken implements auth.Tokens.
func (s *Store) RevokeToken(ctx context.Context, name string, at time.Time) error {
	return s.updateToken(ctx, name, `UPDATE tokens SET revoked = coalesce(revoked, $2) WHERE name = $1`, at)
}

// TouchToken implements auth.Tokens.
func (s *Store) TouchToken(ctx context.Context, name string, at time.Time) error {
	return s.updateToken(ctx, name, `UPDATE tokens SET used = $2 WHERE name = $1`, at)
}

func (s *Store) updateToken(ctx context.Context, name, update string, at time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, update, name, at.UnixMicro())
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return auth.ErrUnknown
	})
	if err != nil {
		return fmt.Errorf("write token %s: %w", name, err)
	}
	return nil
}

func scanToken(row interface{ Scan(...any) error }) (auth.Token, error) {
	var (
		t                      auth.Token
		scopes                 string
		created                int64
		expires, used, revoked sql.NullInt64
	)
	if err := row.Scan(&t.Name, &scopes, &created, &expires, &used, &revoked); err != nil {
		return t, err
	}
	for _, word := range strings.Fields(scopes) {
		t.Scopes = append(t.Scopes, auth.Scope(word))
	}
	t.Created = time.UnixMicro(created).UTC()
	t.Expires, t.Used, t.Revoked = instant(expires), instant(used), instant(revoked)
	return t, nil
}

func nullMicros(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: !t.IsZero()}
}

func instant(micros sql.NullInt64) time.Time {
	if !micros.Valid {
		return time.Time{}
	}
	return time.UnixMicro(micros.Int64).UTC()
}
