package security

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/checks"
)

// passwords are how roles prove who they are.
var passwords = []checks.Check{
	{
		ID: "password-guessable", Severity: checks.Fix, Once: true, Topic: login, Title: "Passwords are the first that anybody tries",
		Why:    "They are tried against every server that answers, by programs, all day.",
		Fix:    "Set a long random one: openssl rand -base64 24, then \\password in psql.",
		Breaks: "Clients of the role, until they have the new one.",
		How:    "The verifiers in pg_authid against the empty password, the role's own name and a handful of common ones, on Lull's side.",
		Look:   guessable,
	},
	{
		ID: "password-md5", Severity: checks.Warning, Once: true, Topic: login, Title: "Passwords are kept as MD5",
		Why:    "Who reads a verifier of this kind, in a backup say, logs in with it without knowing the password. 18 warns of each, and a version after it will not take them.",
		Fix:    "Set each password anew with password_encryption = scram-sha-256, in the pooler's auth_file too. It may be the same password.",
		Breaks: "Clients without SCRAM, from before 2017, and a pooler that still has the MD5 verifier.",
		SQL: `SELECT rolname AS object, concat_ws(', ', CASE WHEN rolsuper THEN 'superuser' END, CASE WHEN NOT rolcanlogin THEN 'cannot log in' END) AS detail
		      FROM pg_authid WHERE rolpassword LIKE 'md5%' ORDER BY 1`,
	},
	{
		ID: "password-none", Severity: checks.Note, Once: true, Topic: login, Title: "Roles that may log in have no password, or an empty one",
		Why:    "PostgreSQL keeps an empty password as none. Only trust, peer, a certificate or another service lets such a role in. Where nothing of that is meant, it is a door that trust opens for everybody.",
		Fix:    "Set a password, or take LOGIN away.",
		Breaks: "With NOLOGIN: whoever logs in as the role.",
		SQL:    `SELECT rolname AS object, CASE WHEN rolsuper THEN 'superuser' END AS detail, format('ALTER ROLE %I NOLOGIN', rolname) AS command FROM pg_authid WHERE rolcanlogin AND rolpassword IS NULL ORDER BY 1`,
	},
	{
		ID: "password-encryption", Severity: checks.Warning, Once: true, Topic: login, Title: "New passwords are kept as MD5",
		Why:    "It was the default before 14, and every password that is set from now on is one more to change.",
		Fix:    "Set it to scram-sha-256 once clients and poolers can do SCRAM, and reload.",
		Breaks: "Clients without SCRAM, from before 2017, for passwords that are set afterwards.",
		SQL:    `SELECT 'password_encryption = ' || setting AS object, 'ALTER SYSTEM SET password_encryption = ''scram-sha-256''' AS command FROM pg_settings WHERE name = 'password_encryption' AND setting IN ('md5', 'on')`,
	},
}

// common are tried besides the role's own name.
var common = []string{"", "postgres", "password", "admin", "secret", "changeme", "123456"}

func guessable(ctx context.Context, conn *pgx.Conn, _ checks.Subject) (out []checks.Object, err error) {
	type role struct{ Name, Verifier string }
	rows, err := conn.Query(ctx, `SELECT rolname, rolpassword FROM pg_authid WHERE rolcanlogin AND rolpassword IS NOT NULL ORDER BY 1`)
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[role])
	if err != nil {
		return nil, err
	}
	for _, r := range list {
		for _, guess := range append([]string{r.Name, strings.ToLower(r.Name)}, common...) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if Proves(r.Verifier, r.Name, guess) {
				out = append(out, checks.Object{Name: r.Name, Detail: described(guess, r.Name)})
				break
			}
		}
	}
	return out, nil
}

// described says what kind of password it is, without the password.
func described(guess, role string) string {
	switch {
	case guess == "":
		return "empty"
	case strings.EqualFold(guess, role):
		return "the role's own name"
	}
	return "a common word"
}
