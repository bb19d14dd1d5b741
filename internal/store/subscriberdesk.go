package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lullhq/lull/internal/subscribe"
)

// Put implements subscribe.Desk.
func (s *Store) Put(ctx context.Context, now time.Time, all ...subscribe.Subscriber) (changed int, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		changed = 0
		for _, who := range all {
			is, err := put(ctx, tx, who, now)
			if err != nil {
				return err
			}
			changed += flag(is)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("keep subscribers: %w", err)
	}
	return changed, nil
}

func put(ctx context.Context, tx *sql.Tx, who subscribe.Subscriber, now time.Time) (changed bool, err error) {
	known, err := subscriber(ctx, tx, `way = $1 AND address = $2`, string(who.Way), who.Address)
	switch {
	case errors.Is(err, subscribe.ErrUnknown):
		if known.ID, err = enter(ctx, tx, who); err != nil {
			return false, err
		}
	case err != nil:
		return false, err
	case known.State == subscribe.Active && same(known.Choice, who.Choice):
		return false, nil
	default:
		if err := choose(ctx, tx, known.ID, who.Choice); err != nil {
			return false, err
		}
	}
	_, err = tx.ExecContext(ctx, `UPDATE subscribers SET state = 'active', reason = NULL, bounces = 0, since = CASE WHEN state = 'active' THEN since ELSE $2 END WHERE id = $1`, known.ID, now.UnixMicro())
	return true, err
}

func same(a, b subscribe.Choice) bool {
	a, b = inOrder(a), inOrder(b)
	return slices.Equal(a.Kinds, b.Kinds) && slices.Equal(slices.Sorted(slices.Values(a.Components)), slices.Sorted(slices.Values(b.Components))) && a.Language == b.Language && a.Zone == b.Zone
}

// Remove implements subscribe.Desk.
func (s *Store) Remove(ctx context.Context, way subscribe.Way, address string, now time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		who, err := subscriber(ctx, tx, `way = $1 AND address = $2`, string(way), address)
		if err != nil {
			return err
		}
		if err := silence(ctx, tx, who.ID, "the subscriber was removed", now); err != nil {
			return err
		}
		// How many were told stays on record, and the address does not.
		if _, err := tx.ExecContext(ctx, `UPDATE deliveries SET recipient = 'forgotten/' || id WHERE channel = $2 AND recipient = (SELECT name FROM subscribers WHERE id = $1)`,
			who.ID, way.Channel()); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM subscribers WHERE id = $1`, who.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("remove a subscriber: %w", err)
	}
	return nil
}

// Suppress implements subscribe.Desk.
func (s *Store) Suppress(ctx context.Context, address, reason string, now time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		who, err := subscriber(ctx, tx, `way = 'email' AND address = $1`, address)
		if errors.Is(err, subscribe.ErrUnknown) {
			who.ID, err = enter(ctx, tx, subscribe.Subscriber{Way: subscribe.Email, Address: address})
		}
		if err != nil {
			return err
		}
		return suppress(ctx, tx, who.ID, reason, now)
	})
	if err != nil {
		return fmt.Errorf("suppress an address: %w", err)
	}
	return nil
}

func suppress(ctx context.Context, tx *sql.Tx, id int64, reason string, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `UPDATE subscribers SET state = 'suppressed', reason = $2 WHERE id = $1`, id, reason); err != nil {
		return err
	}
	return silence(ctx, tx, id, "the address is suppressed: "+reason, now)
}

// List implements subscribe.Desk.
func (s *Store) List(ctx context.Context, after int64, limit int) (out []subscribe.Subscriber, err error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT `+subscriberColumns+` FROM subscribers WHERE id > $1 ORDER BY id LIMIT $2`, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list subscribers: %w", err)
	}
	some := map[int]bool{} // those that do not want every component
	for rows.Next() {
		one, every, err := scanSubscriber(rows)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("list subscribers: %w", err), rows.Close())
		}
		some[len(out)] = !every
		out = append(out, one)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("list subscribers: %w", err)
	}
	for i := range out {
		if some[i] {
			if out[i].Choice.Components, err = componentsOf(ctx, s.reader, out[i].ID); err != nil {
				return nil, fmt.Errorf("list subscribers: %w", err)
			}
		}
	}
	return out, nil
}
