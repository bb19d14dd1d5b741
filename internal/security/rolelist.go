package security

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/checks"
)

// Role is one that may log in, or has a password.
type Role struct {
	Name      string `json:"name"`
	Login     bool   `json:"login"`
	Superuser bool   `json:"superuser,omitempty"`
	Verifier  string `json:"verifier"` // how its password is kept: "md5", "scram-sha-256" or "none"
	// MD5 are those who log in by it: connected now, or by the log.
	MD5 []Client `json:"md5,omitempty"`
}

// RoleList tells how the passwords of a server are kept, and who still logs in by MD5. said tells in words who was looked at.
func RoleList(ctx context.Context, s checks.Server) (list []Role, said string, err error) {
	conn, err := s.Connect(ctx, "")
	if err != nil {
		return nil, "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := conn.Query(ctx, `SELECT rolname, rolcanlogin, rolsuper, CASE WHEN rolpassword IS NULL THEN 'none' WHEN rolpassword LIKE 'md5%' THEN 'md5' ELSE 'scram-sha-256' END
		FROM pg_authid WHERE rolcanlogin OR rolpassword IS NOT NULL ORDER BY 1`)
	if err != nil {
		return nil, "", fmt.Errorf("list the roles: %w", err)
	}
	if list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (r Role, err error) {
		return r, row.Scan(&r.Name, &r.Login, &r.Superuser, &r.Verifier)
	}); err != nil {
		return nil, "", fmt.Errorf("list the roles: %w", err)
	}
	clients, log, err := Clients(ctx, conn, Lately)
	if err != nil {
		return nil, "", err
	}
	lines, err := readHBA(ctx, conn)
	if err != nil {
		return nil, "", err
	}
	for i := range list {
		for _, c := range clients {
			if c.User == list[i].Name && (Rules{SCRAM: true}).Refuses(c, lines.ways(c)) != "" {
				list[i].MD5 = append(list[i].MD5, c)
			}
		}
	}
	return list, fmt.Sprintf("%d ways in which clients come in; %s", len(clients), log), nil
}
