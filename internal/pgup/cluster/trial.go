package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// MakeTrial makes a table that only the trial of the way back uses. Where it is unlogged,
// what arrives in it is not decoded again, so nothing goes in circles.
func MakeTrial(ctx context.Context, conn *pgx.Conn, unlogged bool) error {
	kind := ""
	if unlogged {
		kind = "UNLOGGED "
	}
	if _, err := conn.Exec(ctx, "CREATE "+kind+"TABLE IF NOT EXISTS "+Schema+".trial (token text)"); err != nil {
		return fmt.Errorf("make the table for the trial of the way back: %w", err)
	}
	return nil
}

// DropTrial removes the table, and the publication of it where there is one.
func DropTrial(ctx context.Context, conn *pgx.Conn, publication string) error {
	_, err := conn.Exec(ctx, "SET client_min_messages = warning; DROP PUBLICATION IF EXISTS "+Ident(publication)+"; DROP TABLE IF EXISTS "+Schema+".trial")
	if err != nil {
		return fmt.Errorf("remove the trial of the way back: %w", err)
	}
	return nil
}

// PublishTrial publishes that table alone.
func PublishTrial(ctx context.Context, conn *pgx.Conn, publication string) error {
	if _, err := conn.Exec(ctx, "CREATE PUBLICATION "+Ident(publication)+" FOR TABLE "+Schema+".trial"); err != nil {
		return fmt.Errorf("publish the trial of the way back: %w", err)
	}
	return nil
}

// SendTrial writes a row on one server, and returns when it is on the other.
func SendTrial(ctx context.Context, from, to *pgx.Conn, token string) error {
	if _, err := from.Exec(ctx, "INSERT INTO "+Schema+".trial (token) VALUES ($1)", token); err != nil {
		return fmt.Errorf("write the trial of the way back: %w", err)
	}
	for {
		var there bool
		if err := to.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM "+Schema+".trial WHERE token = $1)", token).Scan(&there); err != nil || there {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the trial of the way back: %w", ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}
