package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/subscribe"
)

var (
	_ subscribe.Book = (*Store)(nil)
	_ subscribe.Desk = (*Store)(nil)
)

const subscriberColumns = `id, way, address, coalesce(secret, ''), language, zone, maintenances, incidents, changes, every, state, coalesce(reason, ''), since`

func scanSubscriber(row interface{ Scan(...any) error }) (s subscribe.Subscriber, every bool, err error) {
	var m, i, c, all int
	var since sql.NullInt64
	err = row.Scan(&s.ID, &s.Way, &s.Address, &s.Secret, &s.Choice.Language, &s.Choice.Zone, &m, &i, &c, &all, &s.State, &s.Reason, &since)
	for k, on := range map[subscribe.Kind]int{subscribe.Maintenances: m, subscribe.Incidents: i, subscribe.Changes: c} {
		if on == 1 {
			s.Choice.Kinds = append(s.Choice.Kinds, k)
		}
	}
	s.Choice, s.Since = inOrder(s.Choice), instant(since)
	return s, all == 1, err
}

func inOrder(c subscribe.Choice) subscribe.Choice {
	was := c
	c.Kinds = nil
	for _, k := range subscribe.Kinds {
		if was.Wants(k) {
			c.Kinds = append(c.Kinds, k)
		}
	}
	return c
}

// querier is a transaction, or a connection that reads.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// subscriber gives one by a condition; ErrUnknown.
func subscriber(ctx context.Context, q querier, where string, args ...any) (subscribe.Subscriber, error) {
	s, every, err := scanSubscriber(q.QueryRowContext(ctx, `SELECT `+subscriberColumns+` FROM subscribers WHERE `+where, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return s, subscribe.ErrUnknown
	}
	if err == nil && !every {
		s.Choice.Components, err = componentsOf(ctx, q, s.ID)
	}
	return s, err
}

func componentsOf(ctx context.Context, q querier, id int64) (out []string, err error) {
	rows, err := q.QueryContext(ctx, `SELECT component FROM subscriber_components WHERE subscriber = $1 ORDER BY component`, id)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var c string
		if err := rows.Scan(&c); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

func flag(on bool) int {
	if on {
		return 1
	}
	return 0
}

// enter adds an address that is not there, and gives its id.
func enter(ctx context.Context, tx *sql.Tx, s subscribe.Subscriber) (id int64, err error) {
	c := s.Choice
	if err := tx.QueryRowContext(ctx, `INSERT INTO subscribers (way, address, name, secret, maintenances, incidents, changes, every, state) VALUES ($1, $2, $2, $3, 0, 0, 0, 1, 'pending') RETURNING id`,
		string(s.Way), s.Address, nullString(s.Secret)).Scan(&id); err != nil {
		return 0, err
	}
	if s.Way != subscribe.Email {
		host := ""
		if u, err := url.Parse(s.Address); err == nil {
			host = u.Hostname()
		}
		if _, err := tx.ExecContext(ctx, `UPDATE subscribers SET name = $2 WHERE id = $1`, id, fmt.Sprintf("%d@%s", id, host)); err != nil {
			return 0, err
		}
	}
	return id, choose(ctx, tx, id, c)
}

// choose writes what a subscriber wants.
func choose(ctx context.Context, tx *sql.Tx, id int64, c subscribe.Choice) error {
	if _, err := tx.ExecContext(ctx, `UPDATE subscribers SET language = $2, zone = $3, maintenances = $4, incidents = $5, changes = $6, every = $7 WHERE id = $1`,
		id, c.Language, c.Zone, flag(c.Wants(subscribe.Maintenances)), flag(c.Wants(subscribe.Incidents)), flag(c.Wants(subscribe.Changes)), flag(len(c.Components) == 0)); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM subscriber_components WHERE subscriber = $1`, id); err != nil {
		return err
	}
	for _, component := range c.Components {
		if _, err := tx.ExecContext(ctx, `INSERT INTO subscriber_components (subscriber, component) VALUES ($1, $2)`, id, component); err != nil {
			return err
		}
	}
	return nil
}

// Ask implements subscribe.Book.
func (s *Store) Ask(ctx context.Context, who subscribe.Subscriber, now time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		if err := forget(ctx, tx, now); err != nil {
			return err
		}
		known, err := subscriber(ctx, tx, `way = $1 AND address = $2`, string(who.Way), who.Address)
		switch {
		case errors.Is(err, subscribe.ErrUnknown):
			known = who
			if known.ID, err = enter(ctx, tx, who); err != nil {
				return err
			}
		case err != nil:
			return err
		case known.State == subscribe.Pending || known.State == subscribe.Left:
			if _, err := tx.ExecContext(ctx, `UPDATE subscribers SET state = 'pending' WHERE id = $1`, known.ID); err != nil {
				return err
			}
			if err := choose(ctx, tx, known.ID, who.Choice); err != nil {
				return err
			}
		}
		return sendLink(ctx, tx, known, now)
	})
	if err != nil {
		return fmt.Errorf("note a subscription that was asked for: %w", err)
	}
	return nil
}

// ForgetUnconfirmed takes out links that are over, and all of those who have not confirmed in time: what they chose, and the mails in
// which they were asked. A server calls it now and then.
func (s *Store) ForgetUnconfirmed(ctx context.Context, now time.Time) error {
	if err := s.write(ctx, func(tx *sql.Tx) error { return forget(ctx, tx, now) }); err != nil {
		return fmt.Errorf("forget what nobody has confirmed: %w", err)
	}
	return nil
}

// forget takes out what is over: links, what nobody has confirmed, and the mails that asked for it, with their addresses.
func forget(ctx context.Context, tx *sql.Tx, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM subscriber_links WHERE expires <= $1`, now.UnixMicro()); err != nil {
		return err
	}
	over := now.Add(-subscribe.PendingFor).UnixMicro()
	for _, what := range []string{
		`DELETE FROM subscribers WHERE state = 'pending' AND asked < $1`,
		`DELETE FROM deliveries WHERE subject LIKE 'subscriber/%' AND state <> 'sending' AND at < $1`,
		`DELETE FROM notices WHERE subject LIKE 'subscriber/%' AND due < $1 AND NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.notice = notices.id)`,
	} {
		if _, err := tx.ExecContext(ctx, what, over); err != nil {
			return err
		}
	}
	return nil
}

// sendLink writes a delivery of a link, unless there was one a moment ago. The link itself is made when it is sent.
func sendLink(ctx context.Context, tx *sql.Tx, who subscribe.Subscriber, now time.Time) error {
	names, err := texts(ctx, tx, `UPDATE subscribers SET asked = $2 WHERE id = $1 AND state <> 'suppressed' AND asked <= $3 RETURNING name`,
		who.ID, now.UnixMicro(), now.Add(-subscribe.AskEvery).UnixMicro())
	if err != nil || len(names) == 0 {
		return err
	}
	subject := maint.ID(fmt.Sprintf("subscriber/%d", who.ID))
	n := notify.Notice{ID: fmt.Sprintf("%s/%d", subject, now.UnixMicro()), Subject: subject, Kind: notify.Confirm, Word: "link", Due: now, At: now}
	if err := putNotice(ctx, tx, n); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE notices SET state = 'told' WHERE id = $1`, n.ID); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO deliveries (notice, subject, channel, recipient, state, due, at) VALUES ($1, $2, $3, $4, 'waiting', $5, $5)`,
		n.ID, subject, who.Way.Channel(), names[0], now.UnixMicro())
	return err
}

// Holder implements subscribe.Book.
func (s *Store) Holder(ctx context.Context, l subscribe.Link, now time.Time) (subscribe.Subscriber, error) {
	return holderOf(ctx, s.reader, l, now)
}

func holderOf(ctx context.Context, q querier, l subscribe.Link, now time.Time) (subscribe.Subscriber, error) {
	who, err := subscriber(ctx, q, `id = (SELECT subscriber FROM subscriber_links WHERE hash = $1 AND expires > $2)`, l.Hash(), now.UnixMicro())
	if errors.Is(err, subscribe.ErrUnknown) {
		return who, subscribe.ErrNoLink
	}
	if err != nil {
		return who, fmt.Errorf("look a link up: %w", err)
	}
	return who, nil
}

// Choose implements subscribe.Book. What is suppressed stays so: only the operator knows that mail arrives again.
func (s *Store) Choose(ctx context.Context, l subscribe.Link, c subscribe.Choice, now time.Time) error {
	return s.held(ctx, l, now, func(tx *sql.Tx, who subscribe.Subscriber) error {
		if _, err := tx.ExecContext(ctx, `UPDATE subscribers SET state = 'active', since = CASE WHEN state = 'active' THEN since ELSE $2 END WHERE id = $1 AND state <> 'suppressed'`, who.ID, now.UnixMicro()); err != nil {
			return err
		}
		return choose(ctx, tx, who.ID, c)
	})
}

// Leave implements subscribe.Book.
func (s *Store) Leave(ctx context.Context, l subscribe.Link, now time.Time) error {
	return s.held(ctx, l, now, func(tx *sql.Tx, who subscribe.Subscriber) error {
		if _, err := tx.ExecContext(ctx, `UPDATE subscribers SET state = 'left' WHERE id = $1 AND state <> 'suppressed'`, who.ID); err != nil {
			return err
		}
		return silence(ctx, tx, who.ID, "the subscriber has left", now)
	})
}

// held runs f for the holder of a link, in one transaction.
func (s *Store) held(ctx context.Context, l subscribe.Link, now time.Time, f func(*sql.Tx, subscribe.Subscriber) error) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		who, err := holderOf(ctx, tx, l, now)
		if err != nil {
			return err
		}
		return f(tx, who)
	})
	if err != nil {
		return fmt.Errorf("change a subscription: %w", err)
	}
	return nil
}

// silence takes back what waits for a subscriber.
func silence(ctx context.Context, tx *sql.Tx, id int64, reason string, now time.Time) error {
	left, err := texts(ctx, tx, `UPDATE deliveries SET state = 'overtaken', reason = $2, at = $3 WHERE state = 'waiting'
		AND channel = (SELECT 'subscribers/' || way FROM subscribers WHERE id = $1) AND recipient = (SELECT name FROM subscribers WHERE id = $1) RETURNING notice`,
		id, reason, now.UnixMicro())
	if err != nil {
		return err
	}
	return conclude(ctx, tx, left, now)
}
