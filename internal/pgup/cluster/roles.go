package cluster

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Roles are the definitions that belong to no database: roles with their passwords (as a
// hash of the server's hash), memberships, and the settings of roles and databases. No event
// trigger sees them change, and the copy has them as they were at its position.
//
// What belongs to the server itself, and what a fence sets, is left out.
func Roles(ctx context.Context, conn *pgx.Conn) (map[string]string, error) {
	rows, err := conn.Query(ctx, `
		SELECT 'role ' || quote_ident(rolname), md5(concat_ws(' ', rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin OR rolsuper, rolreplication, rolbypassrls, rolconnlimit, rolvaliduntil, coalesce(rolpassword, '')))
		FROM pg_authid WHERE rolname !~ '^pg_'
		UNION ALL
		SELECT 'membership of ' || quote_ident(m.rolname) || ' in ' || quote_ident(r.rolname), bool_or(a.admin_option)::text
		FROM pg_auth_members a JOIN pg_roles r ON r.oid = a.roleid JOIN pg_roles m ON m.oid = a.member WHERE m.rolname !~ '^pg_' GROUP BY 1
		UNION ALL
		SELECT 'setting ' || split_part(c, '=', 1) || ' of ' || concat_ws(' in ', 'role ' || quote_ident(r.rolname), 'database ' || quote_ident(d.datname)), c
		FROM pg_db_role_setting s CROSS JOIN unnest(s.setconfig) c LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase
		WHERE c NOT LIKE 'default_transaction_read_only=%'`)
	if err != nil {
		return nil, fmt.Errorf("list the roles: %w", err)
	}
	out := map[string]string{}
	var name, value string
	if _, err := pgx.ForEachRow(rows, []any{&name, &value}, func() error {
		out[name] = value
		return nil
	}); err != nil {
		return nil, fmt.Errorf("list the roles: %w", err)
	}
	return out, nil
}
