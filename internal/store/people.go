package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/inapp"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/notify"
)

var _ inapp.Desk = (*Store)(nil)

// noticeAge is how long a notice can still be told inside of a product: no plan tells of anything earlier.
const noticeAge = 400 * 24 * time.Hour

// Notices implements inapp.Desk.
func (s *Store) Notices(ctx context.Context, now time.Time) (told []notify.Notice, next time.Time, err error) {
	var due sql.NullInt64
	if err := s.reader.QueryRowContext(ctx, `SELECT min(due) FROM notices WHERE state = 'waiting' AND due > $1`, now.UnixMicro()).Scan(&due); err != nil {
		return nil, next, fmt.Errorf("look for the next notice: %w", err)
	}
	err = each(s.reader.QueryContext(ctx, `SELECT data FROM notices WHERE state <> 'overtaken' AND due <= $1 AND due > $2 ORDER BY due, id`,
		now.UnixMicro(), now.Add(-noticeAge).UnixMicro()))(func(rows *sql.Rows) error {
		var data []byte
		var n notify.Notice
		if err := errors.Join(rows.Scan(&data), json.Unmarshal(data, &n)); err != nil {
			return err
		}
		told = append(told, n)
		return nil
	})
	if err != nil {
		return nil, next, fmt.Errorf("read notices: %w", err)
	}
	return told, instant(due), nil
}

// Person implements inapp.Desk.
func (s *Store) Person(ctx context.Context, who inapp.Who) (inapp.State, error) {
	p := inapp.State{Marks: map[string]inapp.Mark{}, Reactions: map[string]string{}}
	var seen int64
	err := s.reader.QueryRowContext(ctx, `SELECT seen, read FROM people WHERE channel = $1 AND id = $2`, who.Channel, who.ID).Scan(&seen, &p.Read)
	if errors.Is(err, sql.ErrNoRows) {
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("look a person up: %w", err)
	}
	p.Seen = time.UnixMicro(seen).UTC()
	err = each(s.reader.QueryContext(ctx, `SELECT message, subject, told, seen, dismissed FROM marks WHERE channel = $1 AND person = $2`, who.Channel, who.ID))(func(rows *sql.Rows) error {
		var id string
		var m inapp.Mark
		var told, seen, dismissed sql.NullInt64
		err := rows.Scan(&id, &m.Subject, &told, &seen, &dismissed)
		m.Told, m.Seen, m.Dismissed = instant(told), instant(seen), instant(dismissed)
		p.Marks[id] = m
		return err
	})
	if err != nil {
		return p, fmt.Errorf("read what a person was told: %w", err)
	}
	err = each(s.reader.QueryContext(ctx, `SELECT post, kind FROM reactions WHERE channel = $1 AND person = $2`, who.Channel, who.ID))(func(rows *sql.Rows) error {
		var post, kind string
		err := rows.Scan(&post, &kind)
		p.Reactions[post] = kind
		return err
	})
	if err != nil {
		return p, fmt.Errorf("read the reactions of a person: %w", err)
	}
	return p, nil
}

// Note implements inapp.Desk.
func (s *Store) Note(ctx context.Context, now time.Time, changes ...inapp.Change) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		for _, c := range changes {
			if err := note(ctx, tx, c, now.UnixMicro()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write what people made of messages: %w", err)
	}
	return nil
}

func note(ctx context.Context, tx *sql.Tx, c inapp.Change, at int64) error {
	const here = `INSERT INTO people (channel, id, seen, read) VALUES ($1, $2, $3, $4)
		ON CONFLICT (channel, id) DO UPDATE SET seen = CASE WHEN people.seen > excluded.seen THEN people.seen ELSE excluded.seen END,
		read = CASE WHEN people.read > excluded.read THEN people.read ELSE excluded.read END`
	if _, err := tx.ExecContext(ctx, here, c.Channel, c.ID, at, c.Read); err != nil {
		return err
	}
	for _, kind := range []struct {
		column   string
		messages []inapp.Message
	}{{"", c.Passed}, {"told", c.Told}, {"seen", c.Seen}, {"dismissed", c.Dismissed}} {
		for _, m := range kind.messages {
			if err := mark(ctx, tx, c.Who, kind.column, m, at); err != nil {
				return err
			}
		}
	}
	for post, kind := range c.Reactions {
		if err := react(ctx, tx, c.Who, post, kind, at); err != nil {
			return err
		}
	}
	if !c.Elsewhere() {
		return nil
	}
	_, err := tx.ExecContext(ctx, `UPDATE people SET changed = (SELECT max(changed) + 1 FROM people) WHERE channel = $1 AND id = $2`, c.Channel, c.ID)
	return err
}

// mark writes down the first time alone. The column's name is one of ours, "" marks a message that was passed over. Whoever has put one away
// has seen it.
func mark(ctx context.Context, tx *sql.Tx, who inapp.Who, column string, m inapp.Message, at int64) error {
	if column == "dismissed" {
		if err := mark(ctx, tx, who, "seen", m, at); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO marks (channel, person, message, subject, made) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (channel, person, message) DO NOTHING`,
		who.Channel, who.ID, m.ID, m.Subject, at); err != nil || column == "" {
		return err
	}
	result, err := tx.ExecContext(ctx, `UPDATE marks SET `+column+` = $4 WHERE channel = $1 AND person = $2 AND message = $3 AND `+column+` IS NULL`, who.Channel, who.ID, m.ID, at)
	if err != nil || column != "seen" {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO views (channel, message, subject, word, first, seen) VALUES ($1, $2, $3, $4, $5, 1)
		ON CONFLICT (channel, message) DO UPDATE SET seen = views.seen + 1`, who.Channel, m.ID, m.Subject, m.Word, at)
	return err
}

func react(ctx context.Context, tx *sql.Tx, who inapp.Who, post, kind string, at int64) error {
	if kind == "" {
		_, err := tx.ExecContext(ctx, `DELETE FROM reactions WHERE channel = $1 AND person = $2 AND post = $3`, who.Channel, who.ID, post)
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO reactions (channel, person, post, kind, at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (channel, person, post) DO UPDATE SET kind = excluded.kind, at = excluded.at`, who.Channel, who.ID, post, kind, at)
	return err
}

// mostTouched bounds one answer: whoever is behind asks again.
const mostTouched = 1000

// Touched implements inapp.Desk.
func (s *Store) Touched(ctx context.Context, after int64) (who []inapp.Who, next int64, err error) {
	next = after
	err = each(s.reader.QueryContext(ctx, `SELECT channel, id, changed FROM people WHERE changed > $1 ORDER BY changed LIMIT $2`, after, mostTouched))(func(rows *sql.Rows) error {
		var w inapp.Who
		err := rows.Scan(&w.Channel, &w.ID, &next)
		who = append(who, w)
		return err
	})
	if err != nil {
		return nil, after, fmt.Errorf("look for people who changed: %w", err)
	}
	return who, next, nil
}

// Reactions implements inapp.Desk.
func (s *Store) Reactions(ctx context.Context) (map[string]map[string]int, error) {
	out := map[string]map[string]int{}
	err := each(s.reader.QueryContext(ctx, `SELECT post, kind, count(*) FROM reactions GROUP BY post, kind`))(func(rows *sql.Rows) error {
		var post, kind string
		var n int
		err := rows.Scan(&post, &kind, &n)
		if out[post] == nil {
			out[post] = map[string]int{}
		}
		out[post][kind] = n
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count reactions: %w", err)
	}
	return out, nil
}

// Views implements inapp.Desk.
func (s *Store) Views(ctx context.Context, subject maint.ID) (out []inapp.View, err error) {
	err = each(s.reader.QueryContext(ctx, `SELECT channel, message, word, seen, first FROM views WHERE subject = $1 ORDER BY first, message, channel`, subject))(func(rows *sql.Rows) error {
		v := inapp.View{Message: inapp.Message{Subject: subject}}
		var first int64
		err := rows.Scan(&v.Channel, &v.ID, &v.Word, &v.Seen, &first)
		v.First = time.UnixMicro(first).UTC()
		out = append(out, v)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count who has seen the messages of %s: %w", subject, err)
	}
	return out, nil
}

// Forget implements inapp.Desk. What belongs to the people goes with them, by its foreign keys.
func (s *Store) Forget(ctx context.Context, before time.Time, most int) (n int, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		gone, err := texts(ctx, tx, `DELETE FROM people WHERE (channel, id) IN (SELECT channel, id FROM people WHERE seen < $1 LIMIT $2) RETURNING id`, before.UnixMicro(), most)
		n = len(gone)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM marks WHERE made < $1`, before.UnixMicro())
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("forget who has not been here for long: %w", err)
	}
	return n, nil
}

// each goes through the rows of an answer, and closes it.
func each(rows *sql.Rows, err error) func(func(*sql.Rows) error) error {
	return func(row func(*sql.Rows) error) (err2 error) {
		if err != nil {
			return err
		}
		defer func() { err2 = errors.Join(err2, rows.Close()) }()
		for rows.Next() {
			if err := row(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	}
}
