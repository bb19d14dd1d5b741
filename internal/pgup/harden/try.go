package harden

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lullhq/lull/internal/security"
)

// passedError says that somebody would get past what is to be in force.
type passedError struct{ what string }

func (e *passedError) Error() string { return e.what }

func passed(format string, args ...any) error { return &passedError{fmt.Sprintf(format, args...)} }

// mostTries bounds how many roles and databases are tried, each with the other.
const mostTries = 200

// role is one that may be tried.
type role struct {
	Name string
	MD5  bool // its password is kept so
}

// try does what somebody would do who wants to get past the list, and gives what was seen in words.
func (t Target) try(ctx context.Context, want Items) (seen []string, err error) {
	conn, err := t.Endpoint.Connect(ctx, "")
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	late, err := unset(ctx, conn, want.settings(t.Data))
	if err != nil {
		return nil, err
	}
	if len(late) > 0 {
		return nil, passed("not in force yet: %s", strings.Join(late, ", "))
	}
	if err := readable(ctx, conn); err != nil {
		return nil, err
	}
	who, err := t.everybody(ctx, conn)
	if err != nil {
		return nil, err
	}
	for _, x := range []struct {
		on bool
		do func(context.Context, Items, everybody) (string, error)
	}{
		{want.TLS != nil, t.tryTLS}, {want.StrictHBA, t.tryPlaintext}, {want.StrictHBA, t.tryNoProof},
		{want.SCRAM, t.tryMD5}, {want.RevokePublicCreate, t.tryCreate}, {want.DefinerSearchPath, t.tryPaths},
	} {
		if !x.on {
			continue
		}
		text, err := x.do(ctx, want, who)
		if err != nil {
			return nil, err
		}
		seen = append(seen, text)
	}
	return append(seen, "lull itself gets in"), nil
}

// readable asks the server whether it understands its access rules.
func readable(ctx context.Context, conn *pgx.Conn) error {
	var bad string
	err := conn.QueryRow(ctx, `SELECT coalesce(string_agg(format('line %s: %s', line_number, error), ', '), '') FROM pg_hba_file_rules WHERE error IS NOT NULL`).Scan(&bad)
	if err != nil {
		return fmt.Errorf("read the access rules: %w", err)
	}
	if bad != "" {
		return passed("the server cannot read its access rules: %s", bad)
	}
	return nil
}

// everybody is who may be tried, and where.
type everybody struct {
	roles     []role
	databases []string
}

func (t Target) everybody(ctx context.Context, conn *pgx.Conn) (who everybody, err error) {
	if who.databases, err = databases(ctx, conn); err != nil {
		return who, err
	}
	rows, err := conn.Query(ctx, `SELECT rolname, coalesce(rolpassword LIKE 'md5%', false) FROM pg_authid WHERE rolcanlogin OR rolsuper ORDER BY 2 DESC, 1`)
	if err == nil {
		who.roles, err = pgx.CollectRows(rows, pgx.RowToStructByPos[role])
	}
	if err != nil {
		return who, fmt.Errorf("list the roles: %w", err)
	}
	return who, nil
}

// tryTLS offers a version that is too old, and then the oldest that is to be spoken.
func (t Target) tryTLS(ctx context.Context, want Items, _ everybody) (string, error) {
	lowest, below := uint16(tls.VersionTLS12), uint16(tls.VersionTLS11)
	if want.TLS.Min == "TLSv1.3" {
		lowest, below = tls.VersionTLS13, tls.VersionTLS12
	}
	attempt := security.Attempt{Address: t.Address, TLS: below, User: "lull", Database: "postgres"}
	old, err := attempt.Ask(ctx)
	if err != nil {
		return "", err
	}
	if !old.NoTLS {
		return "", passed("the server speaks %s", tls.VersionName(old.Version))
	}
	attempt.TLS = lowest
	now, err := attempt.Ask(ctx)
	if err != nil {
		return "", err
	}
	if now.NoTLS {
		return "", passed("the server does not speak %s: its log says why", tls.VersionName(lowest))
	}
	return fmt.Sprintf("%s is spoken, and %s is refused", tls.VersionName(lowest), tls.VersionName(below)), nil
}

// tryPlaintext comes from another address of this machine than the loopback's, as others do, without TLS.
func (t Target) tryPlaintext(ctx context.Context, _ Items, who everybody) (string, error) {
	from := elsewhere()
	if from == nil {
		return "logins without TLS from another address were not tried, for this machine has none", nil
	}
	n, err := t.each(ctx, from, who, func(r role, db string, a security.Answer) error {
		if a.Refused == "" {
			return passed("%s gets as far as to its password from %s without TLS, in database %s", r.Name, from, db)
		}
		return nil
	})
	return fmt.Sprintf("%d logins from %s without TLS were refused", n, from), err
}

// tryNoProof comes over the loopback, where no TLS is needed.
func (t Target) tryNoProof(ctx context.Context, _ Items, who everybody) (string, error) {
	n, err := t.each(ctx, nil, who, func(r role, db string, a security.Answer) error {
		if a.Method == "trust" || a.Method == "password" {
			return passed("%s gets into database %s by %s", r.Name, db, a.Method)
		}
		return nil
	})
	return fmt.Sprintf("of %d logins over TCP none got in without proof", n), err
}

// tryMD5 looks what is asked of roles whose password is kept as MD5, and of all others.
func (t Target) tryMD5(ctx context.Context, _ Items, who everybody) (string, error) {
	kept := 0
	for _, r := range who.roles {
		if r.MD5 {
			kept++
		}
	}
	n, err := t.each(ctx, nil, who, func(r role, db string, a security.Answer) error {
		if a.Method == "md5" {
			return passed("%s may log in by MD5 in database %s", r.Name, db)
		}
		return nil
	})
	return fmt.Sprintf("of %d logins none was asked for MD5, %d roles whose password is kept so among them", n, kept), err
}

// each tries every role in every database, as far as mostTries goes, and says how many that were.
func (t Target) each(ctx context.Context, from net.IP, who everybody, judge func(role, string, security.Answer) error) (n int, err error) {
	for _, r := range who.roles {
		for _, db := range who.databases {
			if n == mostTries {
				return n, nil
			}
			answer, err := security.Attempt{Address: t.Address, From: from, User: r.Name, Database: db}.Ask(ctx)
			if err != nil {
				return n, err
			}
			if err := judge(r, db, answer); err != nil {
				return n, err
			}
			n++
		}
	}
	return n, nil
}

// elsewhere is an address of this machine that others reach it by; nil = there is none.
func elsewhere() net.IP {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range all {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.IsGlobalUnicast() && ip.IP.To4() != nil {
			return ip.IP
		}
	}
	return nil
}

// creators are roles that may not create objects in a schema, but for what everybody may.
// pg_monitor is there on every server.
const creators = `SELECT n.nspname, r.rolname FROM pg_namespace n, pg_roles r
	WHERE NOT r.rolsuper AND NOT has_schema_privilege(r.oid, n.oid, 'CREATE') AND (r.rolname = 'pg_monitor' OR r.rolname !~ '^pg_') AND` + ours + `ORDER BY 1, 2`

// tryCreate makes a table in each schema, as each role that nobody gave leave to.
func (t Target) tryCreate(ctx context.Context, _ Items, who everybody) (string, error) {
	n := 0
	for _, db := range who.databases {
		open, err := t.statements(ctx, db, revokes)
		if err != nil {
			return "", err
		}
		if len(open) > 0 {
			return "", passed("everybody may create objects in database %s: %s", db, open[0].do)
		}
		tried, err := t.createIn(ctx, db, mostTries-n)
		if err != nil {
			return "", fmt.Errorf("database %s: %w", db, err)
		}
		n += tried
	}
	return fmt.Sprintf("CREATE TABLE was refused to %d roles and schemas", n), nil
}

func (t Target) createIn(ctx context.Context, db string, most int) (n int, err error) {
	conn, err := t.Endpoint.Connect(ctx, db)
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := conn.Query(ctx, creators)
	if err != nil {
		return 0, fmt.Errorf("list who may create nothing: %w", err)
	}
	type place struct{ Schema, Role string }
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[place])
	if err != nil {
		return 0, fmt.Errorf("list who may create nothing: %w", err)
	}
	for _, p := range list[:min(len(list), most)] {
		_, err := conn.Exec(ctx, "BEGIN; SET LOCAL ROLE "+pgx.Identifier{p.Role}.Sanitize()+"; CREATE TABLE "+pgx.Identifier{p.Schema, "lull_try"}.Sanitize()+" ()")
		if _, back := conn.Exec(ctx, "ROLLBACK"); back != nil {
			return n, back
		}
		var refused *pgconn.PgError
		switch {
		case err == nil:
			return n, passed("%s can create a table in schema %s", p.Role, p.Schema)
		case !errors.As(err, &refused) || refused.Code != "42501": // insufficient_privilege
			return n, fmt.Errorf("try to create a table as %s: %w", p.Role, err)
		}
		n++
	}
	return n, nil
}

// tryPaths also has the server check the bodies that it can: names that they do not find any more, it tells.
func (t Target) tryPaths(ctx context.Context, _ Items, who everybody) (string, error) {
	n := 0
	for _, db := range who.databases {
		left, err := t.statements(ctx, db, paths)
		if err != nil {
			return "", err
		}
		if len(left) > 0 {
			return "", passed("a function looks names up where its caller says, in database %s: %s", db, left[0].do)
		}
		checked, err := t.bodies(ctx, db)
		if err != nil {
			return "", fmt.Errorf("database %s: %w", db, err)
		}
		n += checked
	}
	return fmt.Sprintf("no SECURITY DEFINER function looks names up where its caller says; the bodies of %d in SQL are right", n), nil
}

// bodies has the server check those in SQL as if they were made now.
func (t Target) bodies(ctx context.Context, db string) (n int, err error) {
	conn, err := t.Endpoint.Connect(ctx, db)
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := conn.Query(ctx, `SELECT p.oid::regprocedure::text, p.oid, substr(c, 13) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang, unnest(p.proconfig) AS c
		WHERE p.prosecdef AND l.lanname = 'sql' AND`+ours+`AND c LIKE 'search_path=%' ORDER BY 1`)
	if err != nil {
		return 0, fmt.Errorf("list the SECURITY DEFINER functions: %w", err)
	}
	type function struct {
		Name string
		OID  uint32
		Path string
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[function])
	if err != nil {
		return 0, fmt.Errorf("list the SECURITY DEFINER functions: %w", err)
	}
	for _, f := range list {
		err := pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "SELECT set_config('search_path', $1, true)", f.Path); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "SELECT fmgr_sql_validator($1)", f.OID)
			return err
		})
		if err != nil {
			return n, fmt.Errorf("function %s does not find what it uses with search_path = %s: name the schemas in its body, or give it a path that ends with pg_temp on the old server: %w", f.Name, f.Path, err)
		}
		n++
	}
	return n, nil
}
