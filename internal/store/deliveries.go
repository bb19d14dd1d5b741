package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/run"
)

// leased runs f in a transaction that a sender with an older lease cannot make.
func (s *Store) leased(ctx context.Context, lease run.Lease, f func(*sql.Tx) error) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if err := s.checkLease(ctx, tx, lease); err != nil {
			return err
		}
		return f(tx)
	})
}

// Spread implements notify.Queue. It writes only when there is something to write.
func (s *Store) Spread(ctx context.Context, lease run.Lease, now time.Time) error {
	const dueNow = `SELECT data FROM notices WHERE state = 'waiting' AND due <= $1 ORDER BY due, id`
	var due bool
	err := s.reader.QueryRowContext(ctx, `SELECT EXISTS (`+dueNow+`)`, now.UnixMicro()).Scan(&due)
	if err != nil {
		return fmt.Errorf("look for notices that are due: %w", err)
	}
	if !due {
		return nil
	}
	return s.leased(ctx, lease, func(tx *sql.Tx) error {
		notices, err := ids(ctx, tx, dueNow, now.UnixMicro())
		if err != nil {
			return err
		}
		for _, data := range notices {
			var n notify.Notice
			if err := json.Unmarshal([]byte(data), &n); err != nil {
				return fmt.Errorf("read a notice: %w", err)
			}
			sp, err := s.spread(ctx, tx, n.Subject, now)
			if err != nil {
				return err
			}
			if err := sp.out(ctx, n); err != nil {
				return err
			}
		}
		return nil
	})
}

const deliveryColumns = `deliveries.id, deliveries.channel, deliveries.recipient, deliveries.state, deliveries.due, deliveries.attempts,
	deliveries.twice, deliveries.reason, deliveries.at, notices.data`

// newer holds of a delivery when its recipient has, or is to get, later news of the same maintenance by the same channel.
const newer = `EXISTS (SELECT 1 FROM deliveries AS later WHERE later.subject = deliveries.subject AND later.channel = deliveries.channel
	AND later.recipient = deliveries.recipient AND later.id > deliveries.id AND later.state <> 'overtaken')`

// Take implements notify.Queue. Each lease of a sender has a higher epoch: whatever an older one has left is nobody's.
func (s *Store) Take(ctx context.Context, lease run.Lease, channel string, most int, now time.Time) (out []notify.Delivery, err error) {
	const toTake = `SELECT id FROM deliveries WHERE channel = $1 AND (state = 'waiting' AND due <= $2 OR state = 'sending' AND epoch < $3) ORDER BY due, id LIMIT $4`
	var some bool
	if err := s.reader.QueryRowContext(ctx, `SELECT EXISTS (`+toTake+`)`, channel, now.UnixMicro(), lease.Epoch, most).Scan(&some); err != nil {
		return nil, fmt.Errorf("look for deliveries that are due: %w", err)
	}
	if !some {
		return nil, nil
	}
	err = s.leased(ctx, lease, func(tx *sql.Tx) error {
		left, err := ids(ctx, tx, `UPDATE deliveries SET state = 'overtaken', reason = 'overtaken by later news', at = $2
			WHERE channel = $1 AND state = 'sending' AND epoch < $3 AND `+newer+` RETURNING notice`, channel, now.UnixMicro(), lease.Epoch)
		if err != nil {
			return err
		}
		if err := conclude(ctx, tx, left, now); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `
			UPDATE deliveries SET twice = CASE WHEN state = 'sending' THEN 1 ELSE twice END, state = 'sending', epoch = $3, attempts = attempts + 1, at = $2
			WHERE id IN (`+toTake+`)`, channel, now.UnixMicro(), lease.Epoch, most)
		if err != nil {
			return err
		}
		out, err = scanDeliveries(tx.QueryContext(ctx, `SELECT `+deliveryColumns+` FROM deliveries JOIN notices ON notices.id = deliveries.notice
			WHERE channel = $1 AND deliveries.state = 'sending' AND epoch = $2 AND at = $3 ORDER BY deliveries.due, deliveries.id`, channel, lease.Epoch, now.UnixMicro()))
		if err != nil {
			return err
		}
		return s.address(ctx, tx, channel, out, now)
	})
	if err != nil {
		return nil, fmt.Errorf("take deliveries: %w", err)
	}
	return out, nil
}

// Settle implements notify.Queue. What was settled before stays as it is.
func (s *Store) Settle(ctx context.Context, lease run.Lease, now time.Time, outcomes ...notify.Outcome) error {
	err := s.leased(ctx, lease, func(tx *sql.Tx) error {
		var notices []string
		for _, o := range outcomes {
			twice := 0
			if o.Twice {
				twice = 1
			}
			settled, err := ids(ctx, tx, `
				UPDATE deliveries SET state = CASE WHEN $3 = 'waiting' AND `+newer+` THEN 'overtaken' ELSE $3 END, due = coalesce($4, due), twice = $5, reason = $6, at = $7
				WHERE id = $1 AND state = 'sending' AND epoch = $2 RETURNING notice`,
				o.ID, lease.Epoch, string(o.State), nullMicros(o.Due), twice, nullString(o.Reason), now.UnixMicro())
			if err != nil {
				return err
			}
			if len(settled) > 0 {
				if err := bounced(ctx, tx, o.ID, o.State, o.Reason, now); err != nil {
					return err
				}
			}
			notices = append(notices, settled...)
		}
		return conclude(ctx, tx, notices, now)
	})
	if err != nil {
		return fmt.Errorf("settle deliveries: %w", err)
	}
	return nil
}

// Deliveries implements notify.Desk.
func (s *Store) Deliveries(ctx context.Context, states ...notify.State) ([]notify.Delivery, error) {
	all, err := scanDeliveries(s.reader.QueryContext(ctx, `SELECT `+deliveryColumns+` FROM deliveries JOIN notices ON notices.id = deliveries.notice ORDER BY deliveries.id DESC`))
	if err != nil {
		return nil, fmt.Errorf("list deliveries: %w", err)
	}
	return slices.DeleteFunc(all, func(d notify.Delivery) bool { return len(states) > 0 && !slices.Contains(states, d.State) }), nil
}

// Retry implements notify.Desk.
func (s *Store) Retry(ctx context.Context, id int64, now time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		var state notify.State
		err := tx.QueryRowContext(ctx, `SELECT state FROM deliveries WHERE id = $1`, id).Scan(&state)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return notify.ErrNoDelivery
		case err != nil:
			return err
		case state != notify.Dead:
			return notify.ErrNotDead
		}
		_, err = tx.ExecContext(ctx, `UPDATE deliveries SET state = 'waiting', attempts = 0, due = $2, at = $2 WHERE id = $1`, id, now.UnixMicro())
		return err
	})
	if err != nil {
		return fmt.Errorf("try delivery %d again: %w", id, err)
	}
	return nil
}

func scanDeliveries(rows *sql.Rows, err error) (out []notify.Delivery, _ error) {
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var d notify.Delivery
		var due, at int64
		var twice int
		var reason sql.NullString
		var data []byte
		if err := rows.Scan(&d.ID, &d.Channel, &d.Recipient, &d.State, &due, &d.Attempts, &twice, &reason, &at, &data); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(data, &d.Notice); err != nil {
			return nil, fmt.Errorf("read the notice of delivery %d: %w", d.ID, err)
		}
		d.Due, d.At, d.Twice, d.Reason = time.UnixMicro(due).UTC(), time.UnixMicro(at).UTC(), twice > 0, reason.String
		out = append(out, d)
	}
	return out, rows.Err()
}
