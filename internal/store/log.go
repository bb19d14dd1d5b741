package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
)

// Append implements timeline.Log.
func (s *Store) Append(ctx context.Context, id maint.ID, expected int64, drafts ...timeline.Draft) (added []timeline.Entry, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		added, err = s.appendAndTell(ctx, tx, id, expected, drafts)
		return err
	})
	if doubt := (*unknown)(nil); errors.As(err, &doubt) {
		err = s.settle(ctx, added, doubt)
	}
	if err != nil {
		return nil, fmt.Errorf("append to the timeline of %s: %w", id, err)
	}
	return added, nil
}

// settle looks whether entries are there whose commit was not answered. It writes, too: once it
// has its turn, the transaction in doubt has ended. nil = they are.
func (s *Store) settle(ctx context.Context, added []timeline.Entry, doubt *unknown) error {
	if len(added) == 0 {
		return nil // there was nothing to write
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleDeadline)
	defer cancel()
	last := added[len(added)-1]
	there := false
	err := s.write(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM entries WHERE seq = $1 AND subject = $2 AND version = $3 AND at = $4 AND kind = $5)`,
			last.Seq, last.Subject, last.Version, last.At.UnixMicro(), last.Event.Kind()).Scan(&there)
	})
	switch {
	case there:
		return nil
	case err != nil:
		return hint.Wrap(doubt, "look with `lull status` whether it is there, before you type it again")
	}
	return hint.Wrap(fmt.Errorf("nothing was written: %w", doubt.error), "type the same command again")
}

func appendEntries(ctx context.Context, tx *sql.Tx, id maint.ID, expected int64, drafts []timeline.Draft) ([]timeline.Entry, error) {
	fresh, err := withoutKnown(ctx, tx, id, drafts)
	if err != nil || len(fresh) == 0 {
		return nil, err
	}
	var version int64
	if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM entries WHERE subject = $1`, id).Scan(&version); err != nil {
		return nil, err
	}
	if expected != timeline.AnyVersion && expected != version {
		return nil, timeline.ErrConflict
	}
	added := make([]timeline.Entry, 0, len(fresh))
	for i, d := range fresh {
		e, err := insertEntry(ctx, tx, id, version+int64(i)+1, d)
		if err != nil {
			return nil, err
		}
		added = append(added, e)
	}
	return added, nil
}

// withoutKnown leaves out the drafts whose key is known, also when it is known from the same call.
func withoutKnown(ctx context.Context, tx *sql.Tx, id maint.ID, drafts []timeline.Draft) ([]timeline.Draft, error) {
	var fresh []timeline.Draft
	seen := map[string]bool{}
	for _, d := range drafts {
		known, err := isKnown(ctx, tx, id, d.Key)
		if err != nil {
			return nil, err
		}
		if known || seen[d.Key] {
			continue
		}
		seen[d.Key] = d.Key != ""
		fresh = append(fresh, d)
	}
	return fresh, nil
}

func isKnown(ctx context.Context, tx *sql.Tx, id maint.ID, key string) (known bool, err error) {
	if key == "" {
		return false, nil
	}
	err = tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM entries WHERE subject = $1 AND key = $2)`, id, key).Scan(&known)
	return known, err
}

func insertEntry(ctx context.Context, tx *sql.Tx, id maint.ID, version int64, d timeline.Draft) (timeline.Entry, error) {
	kind, data, err := timeline.Encode(d.Event)
	if err != nil {
		return timeline.Entry{}, err
	}
	row := tx.QueryRowContext(ctx, `
		INSERT INTO entries (subject, version, key, at, kind, data)
		VALUES ($1, $2, $3, $4, $5, $6)
		RETURNING `+entryColumns,
		id, version, nullString(d.Key), d.At.UnixMicro(), kind, string(data))
	return scanEntry(row)
}

const entryColumns = `seq, subject, version, key, at, kind, data`

func scanEntry(row interface{ Scan(...any) error }) (timeline.Entry, error) {
	var (
		e    timeline.Entry
		key  sql.NullString
		at   int64
		kind string
		data []byte
	)
	if err := row.Scan(&e.Seq, &e.Subject, &e.Version, &key, &at, &kind, &data); err != nil {
		return e, err
	}
	event, err := timeline.Decode(kind, data)
	if err != nil {
		return e, fmt.Errorf("entry %d of the timeline: %w", e.Seq, err)
	}
	e.Key, e.At, e.Event = key.String, time.UnixMicro(at).UTC(), event
	return e, nil
}

// Read implements timeline.Log.
func (s *Store) Read(ctx context.Context, after int64, limit int) ([]timeline.Entry, error) {
	return s.entries(ctx, `SELECT `+entryColumns+` FROM entries WHERE seq > $1 ORDER BY seq LIMIT $2`, after, max(limit, 0))
}

// History implements timeline.Log.
func (s *Store) History(ctx context.Context, id maint.ID) ([]timeline.Entry, error) {
	return s.entries(ctx, `SELECT `+entryColumns+` FROM entries WHERE subject = $1 ORDER BY version`, id)
}

// Changed says cheaply whether there are entries after the given sequence.
func (s *Store) Changed(ctx context.Context, after int64) (changed bool, err error) {
	err = s.reader.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM entries WHERE seq > $1)`, after).Scan(&changed)
	if err != nil {
		return false, fmt.Errorf("poll the timeline: %w", err)
	}
	return changed, nil
}

func (s *Store) entries(ctx context.Context, query string, args ...any) (out []timeline.Entry, err error) {
	rows, err := s.reader.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read the timeline: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return nil, fmt.Errorf("read the timeline: %w", err)
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

func nullString(s string) sql.NullString {
	return sql.NullString{String: s, Valid: s != ""}
}
