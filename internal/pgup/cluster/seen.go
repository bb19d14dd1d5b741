package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// A look costs the server about as much as one query by a key. What is at work one hundredth of the time is in
// six hundred looks a handful of times. Where a hundred of them showed nothing new, more of them teach nothing.
const (
	lookEvery = 50 * time.Millisecond
	mostLooks = 600
	idleLooks = 100
)

// Seen looks for a while, 5 to 30 s, at what clients do in the databases, and lists the statements that were
// seen at work most often. Those of Lull itself are left out.
func Seen(ctx context.Context, e Endpoint, databases []string, most int) (Heard, error) {
	conn, err := e.Connect(ctx, "")
	if err != nil {
		return Heard{}, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	began := time.Now()
	s := sightings{all: tally{}, cut: map[cutText]bool{}}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for s.looks < mostLooks && s.idle < idleLooks {
		if err := s.look(ctx, conn, databases); err != nil {
			return Heard{}, err
		}
		select {
		case <-ctx.Done():
			return Heard{}, ctx.Err()
		case <-tick.C:
		}
	}
	return Heard{Statements: s.all.top(most), From: s.said(time.Since(began))}, nil
}

// sightings are what the looks have shown so far.
type sightings struct {
	all         tally
	cut         map[cutText]bool // statements that the server does not show to their end
	looks, idle int              // idle: of them, the last, without anything new
}

type cutText struct{ database, user, shape string }

func (s *sightings) look(ctx context.Context, conn *pgx.Conn, databases []string) error {
	// The server cuts a text between two characters, of which one may have four bytes.
	rows, err := conn.Query(ctx, `SELECT a.datname::text, a.usename::text, a.query, octet_length(a.query) > size.setting::int - 5
		FROM pg_stat_activity a JOIN pg_settings size ON size.name = 'track_activity_query_size'
		WHERE a.backend_type = 'client backend' AND a.state = 'active' AND a.pid <> pg_backend_pid()
			AND a.application_name !~ '^lull' AND a.usename IS NOT NULL AND a.datname = ANY($1::text[])`, databases)
	if err != nil {
		return fmt.Errorf("look at what clients do: %w", err)
	}
	known := len(s.all) + len(s.cut)
	var database, user, text string
	var cut bool
	if _, err := pgx.ForEachRow(rows, []any{&database, &user, &text, &cut}, func() error {
		if cut {
			s.cut[cutText{database, user, Shape(text)}] = true
		} else {
			s.all.add(database, user, text, 1)
		}
		return nil
	}); err != nil {
		return fmt.Errorf("look at what clients do: %w", err)
	}
	s.looks++
	if s.idle++; len(s.all)+len(s.cut) > known {
		s.idle = 0
	}
	return nil
}

func (s *sightings) said(took time.Duration) string {
	text := fmt.Sprintf("what clients were seen at in %d looks within %.0f s", s.looks, took.Seconds())
	if len(s.all) == 0 {
		text = fmt.Sprintf("no client was seen at work in %d looks within %.0f s", s.looks, took.Seconds())
	}
	if len(s.cut) > 0 {
		text += fmt.Sprintf("; left out because the server shows only their beginning (track_activity_query_size): %d", len(s.cut))
	}
	return text
}
