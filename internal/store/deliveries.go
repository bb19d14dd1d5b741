package store

import (
	"cmp"
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
		notices, err := texts(ctx, tx, dueNow, now.UnixMicro())
		if err != nil {
			return err
		}
		for _, data := range notices {
			var n notify.Notice
			if err := json.Unmarshal([]byte(data), &n); err != nil {
				return fmt.Errorf("read a notice: %w", err)
			}
			if err := s.spread(tx, n.Subject, now).out(ctx, n); err != nil {
				return err
			}
		}
		return nil
	})
}

const deliveryColumns = `id, notice, channel, recipient, state, due, attempts, twice, tried, reason, at`

// newer holds of a delivery when its recipient has, or is to get, later news of the same maintenance by the same channel.
const newer = `EXISTS (SELECT 1 FROM deliveries AS later WHERE later.subject = deliveries.subject AND later.channel = deliveries.channel
	AND later.recipient = deliveries.recipient AND later.id > deliveries.id AND later.state <> 'overtaken')`

// Take implements notify.Queue. Each lease of a sender has a higher epoch: whatever an older one has left is nobody's.
func (s *Store) Take(ctx context.Context, lease run.Lease, channel string, most int, now time.Time) (out []notify.Delivery, err error) {
	// The first condition is the one of the index: SQLite does not see that the second implies it.
	const toTake = `SELECT id FROM deliveries WHERE state IN ('waiting', 'sending') AND channel = $1 AND
		(state = 'waiting' AND due <= $2 OR state = 'sending' AND epoch < $3) ORDER BY due, id LIMIT $4`
	var some bool
	if err := s.reader.QueryRowContext(ctx, `SELECT EXISTS (`+toTake+`)`, channel, now.UnixMicro(), lease.Epoch, most).Scan(&some); err != nil {
		return nil, fmt.Errorf("look for deliveries that are due: %w", err)
	}
	if !some {
		return nil, nil
	}
	err = s.leased(ctx, lease, func(tx *sql.Tx) error {
		left, err := texts(ctx, tx, `UPDATE deliveries SET state = 'overtaken', reason = 'overtaken by later news', at = $2
			WHERE channel = $1 AND state = 'sending' AND epoch < $3 AND `+newer+` RETURNING notice`, channel, now.UnixMicro(), lease.Epoch)
		if err != nil {
			return err
		}
		if err := conclude(ctx, tx, left, now); err != nil {
			return err
		}
		out, err = s.scanDeliveries(ctx, tx, `
			UPDATE deliveries SET twice = CASE WHEN state = 'sending' THEN 1 ELSE twice END, tried = CASE WHEN state = 'sending' OR twice > 0 THEN coalesce(tried, $2) ELSE $2 END,
				state = 'sending', epoch = $3, attempts = attempts + 1, at = $2
			WHERE id IN (`+toTake+`) RETURNING `+deliveryColumns, channel, now.UnixMicro(), lease.Epoch, most)
		if err != nil {
			return err
		}
		return s.address(ctx, tx, channel, out, now)
	})
	if err != nil {
		return nil, fmt.Errorf("take deliveries: %w", err)
	}
	slices.SortFunc(out, func(a, b notify.Delivery) int { return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

// Gather implements notify.Queue.
func (s *Store) Gather(ctx context.Context, lease run.Lease, d notify.Delivery, recipients []string, now time.Time) error {
	err := s.leased(ctx, lease, func(tx *sql.Tx) error {
		var state notify.State
		if err := tx.QueryRowContext(ctx, `SELECT state FROM deliveries WHERE id = $1 AND epoch = $2`, d.ID, lease.Epoch).Scan(&state); err != nil {
			return err
		}
		if state != notify.Sending { // overtaken meanwhile
			return nil
		}
		// What the same people were still to get was overtaken with the notice.
		sp := s.spread(tx, d.Notice.Subject, now)
		members, err := sp.members(ctx, d.Channel, recipients)
		if err != nil {
			return err
		}
		for some := range slices.Chunk(members, atOnce) {
			if err := sp.insert(ctx, d.Notice, some); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("gather recipients: %w", err)
	}
	return nil
}

// members are the recipients, or else those who were told by the channel.
func (sp *spreading) members(ctx context.Context, channel string, recipients []string) (out []reached, err error) {
	if recipients != nil {
		for _, r := range recipients {
			out = append(out, reached{channel, r})
		}
		return out, nil
	}
	told, err := sp.told(ctx)
	for r := range told {
		if r.channel == channel && r.recipient != notify.Everyone {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b reached) int { return cmp.Compare(a.recipient, b.recipient) })
	return out, err
}

// Settle implements notify.Queue. What was settled before stays as it is.
func (s *Store) Settle(ctx context.Context, lease run.Lease, now time.Time, outcomes ...notify.Outcome) error {
	err := s.leased(ctx, lease, func(tx *sql.Tx) error {
		var notices []string
		for _, some := range alike(outcomes) {
			settled, err := settle(ctx, tx, lease, now, some)
			if err != nil {
				return err
			}
			if len(settled) > 0 {
				if err := bounced(ctx, tx, some, now); err != nil {
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

// alike puts outcomes together that differ in nothing but whose they are: most are just sent. What was given up stands alone.
func alike(outcomes []notify.Outcome) (out [][]notify.Outcome) {
	at := map[notify.Outcome]int{}
	for _, o := range outcomes {
		what := o
		what.ID = 0
		i, known := at[what]
		if !known || len(out[i]) == atOnce || o.State == notify.Dead {
			i = len(out)
			at[what] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], o)
	}
	return out
}

func settle(ctx context.Context, tx *sql.Tx, lease run.Lease, now time.Time, alike []notify.Outcome) ([]string, error) {
	o, twice := alike[0], 0
	if o.Twice {
		twice = 1
	}
	state := "$2"
	if o.State == notify.Waiting {
		state = `CASE WHEN ` + newer + ` THEN 'overtaken' ELSE $2 END`
	}
	args := []any{lease.Epoch, string(o.State), nullMicros(o.Due), twice, nullString(o.Reason), now.UnixMicro()}
	for _, o := range alike {
		args = append(args, o.ID)
	}
	return texts(ctx, tx, `UPDATE deliveries SET state = `+state+`, due = coalesce($3, due), twice = $4, reason = $5, at = $6
		WHERE epoch = $1 AND state = 'sending' AND id IN `+places(7, 1, len(alike))+` RETURNING notice`, args...)
}

// Deliveries implements notify.Desk.
func (s *Store) Deliveries(ctx context.Context, p notify.Page) ([]notify.Delivery, error) {
	args := []any{nullID(p.Before), nullID(int64(p.Most))}
	where := ""
	if len(p.States) > 0 {
		where = ` AND state IN ` + places(3, 1, len(p.States))
		for _, state := range p.States {
			args = append(args, string(state))
		}
	}
	all, err := s.scanDeliveries(ctx, s.reader, `SELECT `+deliveryColumns+` FROM deliveries WHERE id < coalesce($1, 9223372036854775807)`+where+`
		ORDER BY id DESC LIMIT coalesce($2, 9223372036854775807)`, args...)
	if err != nil {
		return nil, fmt.Errorf("list deliveries: %w", err)
	}
	return all, nil
}

func nullID(n int64) sql.NullInt64 { return sql.NullInt64{Int64: n, Valid: n > 0} }

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

// asker is a transaction, or what has none.
type asker interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// scanDeliveries runs a statement that gives deliveryColumns. A notice is read once, however many get it.
func (s *Store) scanDeliveries(ctx context.Context, from asker, query string, args ...any) ([]notify.Delivery, error) {
	out, err := scanRows(from.QueryContext(ctx, query, args...))
	if err != nil {
		return nil, err
	}
	notices := map[string]notify.Notice{}
	for i := range out {
		id := out[i].Notice.ID
		n, known := notices[id]
		if !known {
			data, err := texts(ctx, from, `SELECT data FROM notices WHERE id = $1`, id)
			if err != nil || len(data) != 1 {
				return nil, errors.Join(fmt.Errorf("read the notice of delivery %d", out[i].ID), err)
			}
			if err := json.Unmarshal([]byte(data[0]), &n); err != nil {
				return nil, fmt.Errorf("read the notice of delivery %d: %w", out[i].ID, err)
			}
			notices[id] = n
		}
		out[i].Notice = n
	}
	return out, nil
}

// scanRows leaves all of the notices but their ids to be read.
func scanRows(rows *sql.Rows, err error) (out []notify.Delivery, _ error) {
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var d notify.Delivery
		var due, at int64
		var twice int
		var tried sql.NullInt64
		var reason sql.NullString
		if err := rows.Scan(&d.ID, &d.Notice.ID, &d.Channel, &d.Recipient, &d.State, &due, &d.Attempts, &twice, &tried, &reason, &at); err != nil {
			return nil, err
		}
		d.Due, d.At, d.Twice, d.Reason = time.UnixMicro(due).UTC(), time.UnixMicro(at).UTC(), twice > 0, reason.String
		if tried.Valid {
			d.Tried = time.UnixMicro(tried.Int64).UTC()
		}
		out = append(out, d)
	}
	return out, rows.Err()
}
