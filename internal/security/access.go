package security

import "github.com/lullhq/lull/internal/checks"

// rule is a line of pg_hba.conf as it reads there.
const rule = `concat_ws(' ', type, array_to_string(database, ','), array_to_string(user_name, ','), address, netmask, auth_method, array_to_string(options, ' '))`

// far is true of a rule that lets in others than this machine's own programs.
const far = ` (type <> 'local' AND address <> 'samehost' AND NOT (address ~ '^127\.' AND netmask ~ '^255\.') AND address <> '::1') `

const hbaLine = `format('line %s', line_number) AS object, ` + rule + ` AS detail`

// access is what pg_hba.conf lets in. What it says is read from the file, as at the next reload.
var access = []checks.Check{
	{
		ID: "hba-trust", Severity: checks.Fix, Once: true, Topic: login, Title: "pg_hba.conf lets people in without asking who they are",
		Why:    "With trust everybody who reaches the server is whoever they say, a superuser too.",
		Fix:    "Write scram-sha-256 in its place, or peer on a local line, and SELECT pg_reload_conf().",
		Breaks: "Clients of these lines that have no password, or do not send one.",
		SQL: `SELECT ` + hbaLine + `, CASE WHEN NOT` + far + `THEN 'warning' END AS severity
		      FROM pg_hba_file_rules WHERE auth_method = 'trust' ORDER BY line_number`,
	},
	{
		ID: "hba-password", Severity: checks.Fix, Once: true, Topic: login, Title: "pg_hba.conf has clients send their passwords in the clear",
		Why:    "The server asks for the password itself: whoever listens, or poses as the server, has it.",
		Fix:    "Write scram-sha-256 in place of password. For ldap, pam, radius and bsd, write hostssl in place of host.",
		Breaks: "Clients without SCRAM, from before 2017, and with hostssl those without TLS.",
		SQL: `SELECT ` + hbaLine + `, CASE WHEN type IN ('hostssl', 'local') THEN 'warning' END AS severity FROM pg_hba_file_rules
		      WHERE auth_method = 'password' OR auth_method IN ('ldap', 'pam', 'radius', 'bsd') AND type IN ('host', 'hostnossl') ORDER BY line_number`,
	},
	{
		ID: "hba-md5", Severity: checks.Warning, Once: true, Topic: login, Title: "pg_hba.conf lets people in by MD5",
		Why:    "An MD5 verifier that is stolen logs in by itself, and what is overheard at a login is soon guessed. For passwords that are kept as SCRAM the line asks for SCRAM already.",
		Fix:    "Write scram-sha-256 in place of md5 once no password is kept as MD5 (password-md5).",
		Breaks: "Roles whose password is still kept as MD5, and clients without SCRAM.",
		SQL:    `SELECT ` + hbaLine + ` FROM pg_hba_file_rules WHERE auth_method = 'md5' ORDER BY line_number`,
	},
	{
		ID: "hba-ident", Severity: checks.Fix, Once: true, Topic: login, Title: "pg_hba.conf believes the client's machine who is there",
		Why:    "Over a network ident asks a service of the client's machine, and whoever owns that answers as they like.",
		Fix:    "Write scram-sha-256 in its place.",
		Breaks: "Clients of these lines that have no password.",
		SQL:    `SELECT ` + hbaLine + ` FROM pg_hba_file_rules WHERE auth_method = 'ident' AND type <> 'local' ORDER BY line_number`,
	},
	{
		ID: "hba-world", Severity: checks.Warning, Once: true, Topic: login, Title: "pg_hba.conf lets in the whole world",
		Why:    "The line is for every address there is. Only a firewall is left between the server and whoever tries passwords.",
		Fix:    "Name the addresses that clients have, or samenet.",
		Breaks: "Clients at addresses that are forgotten: refused-clients and log_connections tell who comes from where.",
		SQL:    `SELECT ` + hbaLine + ` FROM pg_hba_file_rules WHERE auth_method <> 'reject' AND (address = 'all' OR netmask IN ('0.0.0.0', '::')) ORDER BY line_number`,
	},
	{
		ID: "hba-plaintext", Severity: checks.Warning, Once: true, Topic: login, Title: "pg_hba.conf lets clients in without TLS although the server has it",
		Why:    "Queries, rows and the proof of a password cross the network for everybody on the way to read and to change.",
		Fix:    "Write hostssl in place of host.",
		Breaks: "Clients that speak without TLS: sslmode=disable, or a driver that does not ask for it.",
		SQL: `SELECT ` + hbaLine + ` FROM pg_hba_file_rules
		      WHERE type IN ('host', 'hostnossl') AND auth_method <> 'reject' AND current_setting('ssl')::bool AND` + far + `ORDER BY line_number`,
	},
	{
		ID: "hba-client-certificates", Severity: checks.Note, Once: true, Topic: login, Title: "No rule asks clients for a certificate",
		Why:    "Then a password that is known is enough, from whichever machine.",
		Fix:    "Set ssl_ca_file, and write clientcert=verify-full (before 12: clientcert=1) at the hostssl lines of programs, or cert as their method.",
		Breaks: "Clients without a certificate.",
		SQL: `SELECT format('lines with TLS: %s', count(*)) AS object FROM pg_hba_file_rules WHERE type IN ('host', 'hostssl') AND auth_method <> 'reject' AND current_setting('ssl')::bool AND` + far + `
		      HAVING count(*) > 0 AND NOT bool_or(auth_method = 'cert' OR coalesce(array_to_string(options, ' '), '') ~ 'clientcert=(1|verify)')`,
	},
}
