package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
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
	sp := s.spread(tx, e.Subject, e.At)
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
	known   map[reached]bool // who was told before this transaction, once somebody asks
	served  map[reached]bool // in this transaction: nobody gets two at once
	given   []string         // notices that went to subscribers in this transaction
}

// reached is a recipient by a channel.
type reached struct{ channel, recipient string }

func (s *Store) spread(tx *sql.Tx, subject maint.ID, at time.Time) *spreading {
	return &spreading{tx: tx, subject: subject, at: at, book: s.book, served: map[reached]bool{}}
}

// told gives who was told of the maintenance. What this transaction has added itself does not count as that.
func (sp *spreading) told(ctx context.Context) (map[reached]bool, error) {
	if sp.known != nil {
		return sp.known, nil
	}
	sp.known = map[reached]bool{}
	rows, err := sp.tx.QueryContext(ctx, `SELECT DISTINCT channel, recipient FROM deliveries
		WHERE subject = $1 AND (state IN ('sent', 'sending') OR twice > 0) AND channel NOT LIKE 'subscribers/%'`, sp.subject)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var r reached
		if err := rows.Scan(&r.channel, &r.recipient); err != nil {
			return nil, err
		}
		sp.known[r] = true
	}
	return sp.known, rows.Err()
}

// overtake takes back whatever waits: it is not true any more, or not news.
func (sp *spreading) overtake(ctx context.Context, by string) error {
	if _, err := sp.tx.ExecContext(ctx, `UPDATE notices SET state = 'overtaken' WHERE subject = $1 AND state = 'waiting'`, sp.subject); err != nil {
		return err
	}
	return sp.overtaken(ctx, by, `subject = $1 AND state = 'waiting'`, sp.subject)
}

// overtaken takes back all deliveries of which a condition holds, however many: nobody is loaded. The condition's parameters are args.
func (sp *spreading) overtaken(ctx context.Context, by, where string, args ...any) error {
	notices, err := texts(ctx, sp.tx, `SELECT DISTINCT notice FROM deliveries WHERE `+where, args...)
	if err != nil || len(notices) == 0 {
		return err
	}
	set := fmt.Sprintf(`UPDATE deliveries SET state = 'overtaken', at = $%d, reason = $%d WHERE `, len(args)+1, len(args)+2)
	if _, err := sp.tx.ExecContext(ctx, set+where, append(args, sp.at.UnixMicro(), "overtaken by: "+by)...); err != nil {
		return err
	}
	return conclude(ctx, sp.tx, notices, sp.at)
}

// out makes the deliveries of a notice. What the same people were still to get is overtaken by it.
func (sp *spreading) out(ctx context.Context, n notify.Notice) error {
	var told map[reached]bool
	if n.ToTold {
		var err error
		if told, err = sp.told(ctx); err != nil {
			return err
		}
	}
	var to []reached
	for _, a := range sp.book {
		r := reached{a.Channel, a.Recipient}
		if !a.Gets(n) || sp.served[r] || n.ToTold && !told[r] {
			continue
		}
		sp.served[r] = true
		to = append(to, r)
	}
	if err := sp.deliver(ctx, n, to); err != nil {
		return err
	}
	for _, r := range to {
		if r.recipient != notify.Everyone {
			continue
		}
		if err := sp.overtaken(ctx, n.Word, `subject = $1 AND channel = $2 AND notice <> $3 AND state = 'waiting'`, sp.subject, r.channel, n.ID); err != nil {
			return err
		}
	}
	older, err := sp.subscribers(ctx, n)
	if err != nil {
		return err
	}
	if _, err := sp.tx.ExecContext(ctx, `UPDATE notices SET state = 'told' WHERE id = $1`, n.ID); err != nil {
		return err
	}
	return conclude(ctx, sp.tx, older, sp.at)
}

const atOnce = 500 // recipients in one statement

// deliver makes a delivery for each. One that was overtaken itself and is true again, because a window was moved
// there and back, waits again.
func (sp *spreading) deliver(ctx context.Context, n notify.Notice, to []reached) error {
	var waiting bool
	if err := sp.tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM deliveries WHERE subject = $1 AND state = 'waiting' AND notice <> $2)`, sp.subject, n.ID).Scan(&waiting); err != nil {
		return err
	}
	var overtaken []string
	for some := range slices.Chunk(to, atOnce) {
		if waiting {
			older, err := texts(ctx, sp.tx, `UPDATE deliveries SET state = 'overtaken', reason = $4, at = $3
				WHERE subject = $1 AND notice <> $2 AND state = 'waiting' AND (channel, recipient) IN (VALUES `+places(5, len(some), 2)+`) RETURNING notice`,
				pairs(some, sp.subject, n.ID, sp.at.UnixMicro(), "overtaken by: "+n.Word)...)
			if err != nil {
				return err
			}
			overtaken = append(overtaken, older...)
		}
		if err := sp.insert(ctx, n, some); err != nil {
			return err
		}
	}
	return conclude(ctx, sp.tx, overtaken, sp.at)
}

func (sp *spreading) insert(ctx context.Context, n notify.Notice, to []reached) error {
	var rows strings.Builder
	for i := range to {
		if i > 0 {
			rows.WriteByte(',')
		}
		fmt.Fprintf(&rows, "($1, $2, 'waiting', $3, $4, $%d, $%d)", 5+2*i, 6+2*i)
	}
	_, err := sp.tx.ExecContext(ctx, `INSERT INTO deliveries (notice, subject, state, due, at, channel, recipient) VALUES `+rows.String()+`
		ON CONFLICT (notice, recipient, channel) DO UPDATE SET state = 'waiting', due = excluded.due, at = excluded.at, reason = NULL WHERE deliveries.state = 'overtaken'`,
		pairs(to, n.ID, n.Subject, n.Due.UnixMicro(), sp.at.UnixMicro())...)
	return err
}

// places are so many rows of so many parameters each, from that number on: ($5, $6), ($7, $8).
func places(from, rows, each int) string {
	var b strings.Builder
	for i := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('(')
		for j := range each {
			if j > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, "$%d", from+i*each+j)
		}
		b.WriteByte(')')
	}
	return b.String()
}

// pairs are arguments, and behind them two for each recipient.
func pairs(to []reached, before ...any) []any {
	for _, r := range to {
		before = append(before, r.channel, r.recipient)
	}
	return before
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
	// While something is open, nobody asks for the rest: counting a hundred thousand takes its time.
	if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM deliveries WHERE notice = $1 AND state IN ('waiting', 'sending'))`, id).Scan(&open); err != nil || open {
		return given, open, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT channel, state, count(*), CAST(sum(twice) AS bigint) FROM deliveries WHERE notice = $1 AND recipient <> '*' GROUP BY channel, state`, id)
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
		default: // overtaken
			continue
		}
		given.Channels[channel] = r
	}
	return given, false, rows.Err()
}

// texts runs a statement that gives one text a row.
func texts(ctx context.Context, from asker, query string, args ...any) (out []string, err error) {
	rows, err := from.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}
