package harden

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgup/cluster"
)

// Files in the server's data folder.
const (
	certificateFile = "lull_server.crt"
	keyFile         = "lull_server.key"
)

// settings are what the list sets, with the values as SHOW gives them.
func (i Items) settings(data string) (out []cluster.Setting) {
	if t := i.TLS; t != nil {
		out = append(out, cluster.Setting{Name: "ssl_min_protocol_version", Value: t.Min})
		if t.Certificate != "" {
			out = append(out, cluster.Setting{Name: "ssl_cert_file", Value: filepath.Join(data, certificateFile)},
				cluster.Setting{Name: "ssl_key_file", Value: filepath.Join(data, keyFile)}, cluster.Setting{Name: "ssl", Value: "on"})
		}
	}
	if i.SCRAM {
		out = append(out, cluster.Setting{Name: "password_encryption", Value: "scram-sha-256"})
	}
	if i.LogLogins {
		out = append(out, cluster.Setting{Name: "log_connections", Value: "on"}, cluster.Setting{Name: "log_disconnections", Value: "on"})
	}
	return out
}

// change is a statement and what takes it back.
type change struct{ do, back string }

// ours is true of a schema of the user's own.
const ours = ` n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'lull') `

// revokes take from everybody that they may create objects in a schema (CVE-2018-1058).
const revokes = `SELECT format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', n.nspname), format('GRANT CREATE ON SCHEMA %I TO PUBLIC', n.nspname)
	FROM pg_namespace n, aclexplode(n.nspacl) a WHERE a.grantee = 0 AND a.privilege_type = 'CREATE' AND` + ours + `ORDER BY 1`

// paths give each SECURITY DEFINER function a search_path that ends with pg_temp. One that it has is kept. Else it is
// the function's own schema, and after it those of the database's usual path in which not everybody may
// create objects: what the body finds today without naming a schema, it finds tomorrow.
const paths = `WITH usual AS (SELECT trim(both '" ' from u.name) AS name, u.at FROM regexp_split_to_table(coalesce(
			(SELECT substr(c, 13) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) AS c
			 WHERE d.datname = current_database() AND s.setrole = 0 AND c LIKE 'search_path=%'),
			(SELECT setting FROM pg_file_settings WHERE name = 'search_path' AND error IS NULL ORDER BY seqno DESC LIMIT 1), 'public'), ',') WITH ORDINALITY AS u(name, at)),
		safe AS (SELECT u.name, u.at FROM usual u JOIN pg_namespace n ON n.nspname = u.name
			WHERE n.nspname !~ '^pg_' AND NOT EXISTS (SELECT FROM aclexplode(n.nspacl) a WHERE a.grantee = 0 AND a.privilege_type = 'CREATE')),
		f AS (SELECT p.oid::regprocedure::text AS name, n.nspname, (SELECT replace(substr(c, 13), 'pg_temp, ', '') FROM unnest(p.proconfig) AS c WHERE c LIKE 'search_path=%') AS own,
				CASE WHEN current_setting('server_version_num')::int < 110000 THEN 'FUNCTION ' ELSE 'ROUTINE ' END || p.oid::regprocedure AS which
			FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
			WHERE p.prosecdef AND` + ours + `AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'))
	SELECT format('ALTER %s SET search_path = %s', which, concat_ws(', ', CASE WHEN own IS NULL THEN quote_ident(nspname) WHEN own NOT IN ('', '""') THEN own END,
			CASE WHEN own IS NULL THEN (SELECT string_agg(quote_ident(s.name), ', ' ORDER BY s.at) FROM safe s WHERE s.name <> nspname) END, 'pg_temp')),
	       format('ALTER %s %s', which, CASE WHEN own IS NULL THEN 'RESET search_path' WHEN own IN ('', '""') THEN 'SET search_path = ''''' ELSE 'SET search_path = ' || own END)
	FROM f WHERE coalesce(own, '') !~ 'pg_temp"?$' ORDER BY name`

// kinds are what the list has for the databases, in the order in which it is done: in a schema where not
// everybody may create objects any more, functions may look names up.
func (i Items) kinds() (out []string) {
	if i.RevokePublicCreate {
		out = append(out, revokes)
	}
	if i.DefinerSearchPath {
		out = append(out, paths)
	}
	return out
}

// statements are those of a kind that are still to be run in a database.
func (t Target) statements(ctx context.Context, db, kind string) ([]change, error) {
	conn, err := t.Endpoint.Connect(ctx, db)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := conn.Query(ctx, kind)
	if err == nil {
		var list []change
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (c change, err error) { return c, row.Scan(&c.do, &c.back) })
		if err == nil {
			return list, nil
		}
	}
	return nil, fmt.Errorf("database %s: look for what is open to everybody: %w", db, err)
}
