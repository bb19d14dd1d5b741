package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/subscribe"
)

// wanted is the column of those who want a notice, "" when subscribers have nothing to do with it.
func wanted(n notify.Notice) string {
	switch {
	case n.Kind == notify.Mirror || n.Kind == notify.Confirm:
		return ""
	case n.Kind == notify.Digest:
		return "changes"
	case n.Subject.Kind() == maint.AnIncident:
		return "incidents"
	case n.Subject.Kind() == maint.AMaintenance:
		return "maintenances"
	}
	return ""
}

// subscribers makes the deliveries of a notice to all who asked for such, however many: nobody is loaded. Those who got another in
// this transaction get none, and what waits for the others is overtaken.
func (sp *spreading) subscribers(ctx context.Context, n notify.Notice) (overtaken []string, err error) {
	column := wanted(n)
	if column == "" {
		return nil, nil
	}
	args := []any{n.ID, string(n.Subject), n.Due.UnixMicro(), sp.at.UnixMicro()}
	param := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	in := func(values []string) string {
		out := make([]string, len(values))
		for i, v := range values {
			out[i] = param(v)
		}
		return "(" + strings.Join(out, ", ") + ")"
	}
	where := `s.state = 'active' AND s.` + column + ` = 1`
	switch {
	case n.ToTold:
		where += ` AND EXISTS (SELECT 1 FROM deliveries AS d WHERE d.subject = $2 AND d.channel = 'subscribers/' || s.way AND d.recipient = s.name AND (d.state IN ('sent', 'sending') OR d.twice > 0))`
	case n.Kind == notify.Digest:
	case len(n.Components) > 0:
		where += ` AND (s.every = 1 OR EXISTS (SELECT 1 FROM subscriber_components AS c WHERE c.subscriber = s.id AND c.component IN ` + in(slices.Sorted(maps.Keys(n.Components))) + `))`
	default:
		where += ` AND s.every = 1`
	}
	if len(sp.given) > 0 {
		where += ` AND NOT EXISTS (SELECT 1 FROM deliveries AS d WHERE d.notice IN ` + in(sp.given) + ` AND d.channel = 'subscribers/' || s.way AND d.recipient = s.name)`
	}
	sp.given = append(sp.given, n.ID)
	if _, err := sp.tx.ExecContext(ctx, `
		INSERT INTO deliveries (notice, subject, channel, recipient, state, due, at)
		SELECT CAST($1 AS text), CAST($2 AS text), 'subscribers/' || s.way, s.name, 'waiting', CAST($3 AS bigint), CAST($4 AS bigint) FROM subscribers AS s WHERE `+where+`
		ON CONFLICT (notice, recipient, channel) DO UPDATE SET state = 'waiting', due = excluded.due, at = excluded.at, reason = NULL WHERE deliveries.state = 'overtaken'`, args...); err != nil {
		return nil, err
	}
	const older = ` FROM deliveries WHERE subject = $1 AND channel LIKE 'subscribers/%' AND state = 'waiting' AND notice <> $2
		AND EXISTS (SELECT 1 FROM deliveries AS d WHERE d.notice = $2 AND d.channel = deliveries.channel AND d.recipient = deliveries.recipient)`
	if overtaken, err = texts(ctx, sp.tx, `SELECT DISTINCT notice`+older, string(n.Subject), n.ID); err != nil || len(overtaken) == 0 {
		return nil, err
	}
	_, err = sp.tx.ExecContext(ctx, `UPDATE deliveries SET state = 'overtaken', reason = $4, at = $3 WHERE id IN (SELECT id`+older+`)`, string(n.Subject), n.ID, sp.at.UnixMicro(), "overtaken by: "+n.Word)
	return overtaken, err
}

// address adds to deliveries that were taken whom they go to, each with a link of its own. One whose subscriber is gone goes to nobody.
func (s *Store) address(ctx context.Context, tx *sql.Tx, channel string, taken []notify.Delivery, now time.Time) error {
	way, ours := strings.CutPrefix(channel, subscribe.ChannelPrefix)
	if !ours {
		return nil
	}
	for i, d := range taken {
		who, err := subscriber(ctx, tx, `way = $1 AND name = $2 AND (state = 'active' OR state <> 'suppressed' AND $3 = 'confirm')`, way, d.Recipient, string(d.Notice.Kind))
		if errors.Is(err, subscribe.ErrUnknown) {
			continue
		}
		if err != nil {
			return err
		}
		link := subscribe.NewLink()
		if _, err := tx.ExecContext(ctx, `INSERT INTO subscriber_links (hash, subscriber, expires) VALUES ($1, $2, $3)`, link.Hash(), who.ID, now.Add(subscribe.LinkFor).UnixMicro()); err != nil {
			return err
		}
		taken[i].To = &notify.Address{Channel: channel, Recipient: d.Recipient, Language: who.Choice.Language, Zone: who.Choice.Zone, At: who.Address, Secret: who.Secret, Link: string(link)}
	}
	return nil
}

// bounced counts the messages in a row that an address of mail has refused for good, and has no more sent there when they are too many.
// What is given was settled alike.
func bounced(ctx context.Context, tx *sql.Tx, alike []notify.Outcome, now time.Time) error {
	args := make([]any, len(alike))
	for i, o := range alike {
		args[i] = o.ID
	}
	whose := `way = 'email' AND name IN (SELECT recipient FROM deliveries WHERE channel = 'subscribers/email' AND id IN ` + places(1, 1, len(alike)) + `)`
	switch alike[0].State {
	case notify.Sent:
		_, err := tx.ExecContext(ctx, `UPDATE subscribers SET bounces = 0 WHERE bounces > 0 AND `+whose, args...)
		return err
	case notify.Dead:
		if _, err := tx.ExecContext(ctx, `UPDATE subscribers SET bounces = bounces + 1 WHERE `+whose, args...); err != nil {
			return err
		}
		who, err := subscriber(ctx, tx, fmt.Sprintf(`bounces >= %d AND state <> 'suppressed' AND `, subscribe.MostBounces)+whose, args...)
		if errors.Is(err, subscribe.ErrUnknown) {
			return nil
		}
		if err != nil {
			return err
		}
		return suppress(ctx, tx, who.ID, "bounced: "+alike[0].Reason, now)
	}
	return nil
}

// AddNotice writes a notice that follows from no single event, for Spread to make deliveries of. One that is there stays as it is.
func (s *Store) AddNotice(ctx context.Context, n notify.Notice) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		var there bool
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM notices WHERE id = $1)`, n.ID).Scan(&there); err != nil || there {
			return err
		}
		return putNotice(ctx, tx, n)
	})
	if err != nil {
		return fmt.Errorf("write notice %s: %w", n.ID, err)
	}
	return nil
}
