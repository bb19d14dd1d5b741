package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/timeline"
)

// Tell says whom notices go to. It is to be called before anything is written.
func (s *Store) Tell(book notify.Book) { s.book = book }

// appendAndTell writes entries, and in the same transaction the notices and deliveries that follow from them.
func (s *Store) appendAndTell(ctx context.Context, tx *sql.Tx, id maint.ID, expected int64, drafts []timeline.Draft) ([]timeline.Entry, error) {
	added, err := appendEntries(ctx, tx, id, expected, drafts)
	if err != nil {
		return nil, err
	}
	for _, e := range added {
		if !notify.Bears(e.Event) {
			continue
		}
		if err := s.follow(ctx, tx, e); err != nil {
			return nil, fmt.Errorf("write the notices of %s: %w", id, err)
		}
	}
	return added, nil
}

func (s *Store) follow(ctx context.Context, tx *sql.Tx, e timeline.Entry) error {
	past, err := entriesBefore(ctx, tx, e)
	if err != nil {
		return err
	}
	before := timeline.Fold(e.Subject, past)
	sp, err := s.spread(ctx, tx, e.Subject, e.At)
	if err != nil {
		return err
	}
	notices, fresh := notify.Follow(before, e)
	if n, ok := notify.FollowIncident(past, e); ok {
		notices, fresh = []notify.Notice{n}, true
	}
	if fresh {
		if err := sp.overtake(ctx, e.Event.Kind()); err != nil {
			return err
		}
	}
	if n, ok := notify.Mirrored(before, e); ok && slices.ContainsFunc(s.book, func(a notify.Address) bool { return a.Gets(n) }) {
		notices = append(notices, n)
	}
	for _, n := range notices {
		if err := putNotice(ctx, tx, n); err != nil {
			return err
		}
		if !n.Due.After(e.At) {
			if err := sp.out(ctx, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// entriesBefore are what was on record of the subject before an entry.
func entriesBefore(ctx context.Context, tx *sql.Tx, e timeline.Entry) (past []timeline.Entry, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT `+entryColumns+` FROM entries WHERE subject = $1 AND version < $2 ORDER BY version`, e.Subject, e.Version)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		one, err := scanEntry(rows)
		if err != nil {
			return nil, err
		}
		past = append(past, one)
	}
	return past, rows.Err()
}

// putNotice writes a notice, or the facts of one that is there as they are now.
func putNotice(ctx context.Context, tx *sql.Tx, n notify.Notice) error {
	data, err := json.Marshal(n)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO notices (id, subject, due, state, data) VALUES ($1, $2, $3, 'waiting', $4)
		ON CONFLICT (id) DO UPDATE SET due = excluded.due, data = excluded.data, state = CASE WHEN notices.state = 'told' THEN 'told' ELSE 'waiting' END`,
		n.ID, n.Subject, n.Due.UnixMicro(), string(data))
	return err
}

// spreading is one transaction's work on the deliveries of a maintenance.
type spreading struct {
	tx      *sql.Tx
	subject maint.ID
	at      time.Time
	book    notify.Book
	told    map[reached]bool // before this transaction
	served  map[reached]bool // in this transaction: nobody gets two at once
	given   []string         // notices that went to subscribers in this transaction
}

// reached is a recipient by a channel.
type reached struct{ channel, recipient string }

func (s *Store) spread(ctx context.Context, tx *sql.Tx, subject maint.ID, at time.Time) (*spreading, error) {
	sp := &spreading{tx: tx, subject: subject, at: at, book: s.book, told: map[reached]bool{}, served: map[reached]bool{}}
	rows, err := tx.QueryContext(ctx, `SELECT DISTINCT channel, recipient FROM deliveries
		WHERE subject = $1 AND (state IN ('sent', 'sending') OR twice > 0) AND channel NOT LIKE 'subscribers/%'`, subject)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r reached
		if err := rows.Scan(&r.channel, &r.recipient); err != nil {
			return nil, err
		}
		sp.told[r] = true
	}
	return sp, rows.Err()
}

// overtake takes back whatever waits: it is not true any more, or not news.
func (sp *spreading) overtake(ctx context.Context, by string) error {
	if _, err := sp.tx.ExecContext(ctx, `UPDATE notices SET state = 'overtaken' WHERE subject = $1 AND state = 'waiting'`, sp.subject); err != nil {
		return err
	}
	open, err := ids(ctx, sp.tx, `UPDATE deliveries SET state = 'overtaken', reason = $3, at = $2
		WHERE subject = $1 AND state = 'waiting' RETURNING notice`, sp.subject, sp.at.UnixMicro(), "overtaken by: "+by)
	if err != nil {
		return err
	}
	return conclude(ctx, sp.tx, open, sp.at)
}

// out makes the deliveries of a notice. What the same people were still to get is overtaken by it. One that was
// overtaken itself and is true again, because a window was moved there and back, waits again.
func (sp *spreading) out(ctx context.Context, n notify.Notice) error {
	var overtaken []string
	for _, a := range sp.book {
		r := reached{a.Channel, a.Recipient}
		if !a.Gets(n) || sp.served[r] || n.ToTold && !sp.told[r] {
			continue
		}
		sp.served[r] = true
		older, err := ids(ctx, sp.tx, `UPDATE deliveries SET state = 'overtaken', reason = $5, at = $4
			WHERE subject = $1 AND channel = $2 AND recipient = $3 AND state = 'waiting' AND notice <> $6 RETURNING notice`,
			sp.subject, a.Channel, a.Recipient, sp.at.UnixMicro(), "overtaken by: "+n.Word, n.ID)
		if err != nil {
			return err
		}
		overtaken = append(overtaken, older...)
		if _, err := sp.tx.ExecContext(ctx, `
			INSERT INTO deliveries (notice, subject, channel, recipient, state, due, at) VALUES ($1, $2, $3, $4, 'waiting', $5, $6)
			ON CONFLICT (notice, recipient, channel) DO UPDATE SET state = 'waiting', due = excluded.due, at = excluded.at, reason = NULL WHERE deliveries.state = 'overtaken'`,
			n.ID, n.Subject, a.Channel, a.Recipient, n.Due.UnixMicro(), sp.at.UnixMicro()); err != nil {
			return err
		}
	}
	more, err := sp.subscribers(ctx, n)
	if err != nil {
		return err
	}
	overtaken = append(overtaken, more...)
	if _, err := sp.tx.ExecContext(ctx, `UPDATE notices SET state = 'told' WHERE id = $1`, n.ID); err != nil {
		return err
	}
	return conclude(ctx, sp.tx, overtaken, sp.at)
}

// conclude puts on record what became of notices of which nothing is left to send.
func conclude(ctx context.Context, tx *sql.Tx, notices []string, at time.Time) error {
	done := map[string]bool{}
	for _, id := range notices {
		if done[id] {
			continue
		}
		done[id] = true
		given, open, err := whatBecame(ctx, tx, id)
		if err != nil {
			return err
		}
		if open || len(given.Channels) == 0 {
			continue
		}
		sent, failed := 0, 0
		for _, r := range given.Channels {
			sent, failed = sent+r.Sent, failed+r.Failed
		}
		key := fmt.Sprintf("given/%s/%d/%d", id, sent, failed)
		if _, err := appendEntries(ctx, tx, maint.NoticesID(given.Maintenance), timeline.AnyVersion, []timeline.Draft{{Key: key, At: at, Event: given}}); err != nil {
			return err
		}
	}
	return nil
}

// whatBecame counts the deliveries of a notice. open: some are still to be sent.
func whatBecame(ctx context.Context, tx *sql.Tx, id string) (given maint.NoticeGiven, open bool, err error) {
	var data []byte
	if err := tx.QueryRowContext(ctx, `SELECT data FROM notices WHERE id = $1`, id).Scan(&data); err != nil {
		return given, false, err
	}
	var n notify.Notice
	if err := json.Unmarshal(data, &n); err != nil {
		return given, false, fmt.Errorf("read notice %s: %w", id, err)
	}
	if n.Kind == notify.Mirror || n.Kind == notify.Confirm { // nobody is told any news by it
		return given, false, nil
	}
	given = maint.NoticeGiven{Notice: n.ID, Maintenance: n.Subject, Word: n.Word, At: n.Told(), Channels: map[string]maint.Reached{}}
	rows, err := tx.QueryContext(ctx, `SELECT channel, state, count(*), CAST(sum(twice) AS bigint) FROM deliveries WHERE notice = $1 GROUP BY channel, state`, id)
	if err != nil {
		return given, false, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var channel string
		var state notify.State
		var count, twice int
		if err := rows.Scan(&channel, &state, &count, &twice); err != nil {
			return given, false, err
		}
		r := given.Channels[channel]
		switch state {
		case notify.Sent:
			r.Sent, r.Twice = count, twice
		case notify.Dead:
			r.Failed = count
		case notify.Overtaken:
			continue
		default:
			open = true
		}
		given.Channels[channel] = r
	}
	return given, open, rows.Err()
}

// ids runs a statement that gives one text a row.
func ids(ctx context.Context, tx *sql.Tx, query string, args ...any) (out []string, err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, rows.Err()
}
