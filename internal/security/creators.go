package security

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/checks"
)

// makers are roles that have made objects in a schema, and could not do so any more without what everybody may.
const makers = `SELECT r.rolname, n.nspname, count(*) FROM pg_namespace n
	JOIN (SELECT relnamespace AS schema, relowner AS owner FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
	      UNION ALL SELECT pronamespace, proowner FROM pg_proc) AS o ON o.schema = n.oid
	JOIN pg_roles r ON r.oid = o.owner
	WHERE NOT r.rolsuper AND EXISTS (SELECT FROM aclexplode(n.nspacl) AS a WHERE a.grantee = 0 AND a.privilege_type = 'CREATE')
	  AND NOT pg_has_role(r.oid, n.nspowner, 'USAGE')
	  AND NOT EXISTS (SELECT FROM aclexplode(n.nspacl) AS a WHERE a.grantee <> 0 AND a.privilege_type = 'CREATE' AND pg_has_role(r.oid, a.grantee, 'USAGE'))
	  AND` + ours + `GROUP BY 1, 2 ORDER BY 1, 2`

// Creators gives the roles that make objects in a schema of the database only because everybody may: a
// blocker, and a note for those that the plan accepts by name.
func Creators(ctx context.Context, s checks.Server, database string, accepted []string) (out []checks.Finding, err error) {
	conn, err := s.Connect(ctx, database)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := conn.Query(ctx, makers)
	if err != nil {
		return nil, fmt.Errorf("database %s: look who makes objects: %w", database, err)
	}
	var open, named []checks.Object
	var role, schema string
	var count int
	_, err = pgx.ForEachRow(rows, []any{&role, &schema, &count}, func() error {
		o := checks.Object{Name: role, Detail: fmt.Sprintf("has made %d objects in schema %s", count, schema),
			Command: fmt.Sprintf("GRANT CREATE ON SCHEMA %s TO %s", pgx.Identifier{schema}.Sanitize(), pgx.Identifier{role}.Sanitize())}
		if slices.Contains(accepted, role) {
			named = append(named, o)
		} else {
			open = append(open, o)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("database %s: look who makes objects: %w", database, err)
	}
	return openAndNamed(clients[1], database, open, named), nil
}
