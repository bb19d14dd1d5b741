package preflight_test

import (
	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/checks/checkstest"
)

// problems are in the order in which they are planted. They are taken away in the opposite one.
var problems = []checkstest.Planted{
	{ID: "wal_level", Object: "wal_level = replica"},
	{ID: "slots", Object: "0 of 2 are free"},
	{ID: "senders", Object: "are needed"},
	{ID: "workers", Object: "max_logical_replication_workers = 0"},
	{ID: "max_slot_wal_keep_size", Object: "1GB"},
	{ID: "plpgsql", DB: "bare", Plant: []string{`DROP EXTENSION plpgsql`}, Object: "bare"},
	{ID: "lull-schema", DB: "bare", Plant: []string{`CREATE SCHEMA lull`}, Object: "bare"},
	{ID: "tablespaces", Object: "spare", Do: tablespace},
	{
		ID: "subscriptions", Object: "far",
		Plant: []string{`CREATE SUBSCRIPTION far CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p WITH (connect = false)`},
		Fix:   []string{`ALTER SUBSCRIPTION far SET (slot_name = NONE)`, `DROP SUBSCRIPTION far`},
	},
	{ID: "prepared-transactions", Plant: []string{`BEGIN; CREATE TABLE prepared (); PREPARE TRANSACTION 'left over'`}, Object: "left over"},
	{ID: "foreign-slot", Plant: []string{`SELECT pg_create_physical_replication_slot('lull_test_1')`}, Object: "lull_test_1"},
	{
		ID: "slot", Plant: []string{`SELECT pg_create_physical_replication_slot('backup')`}, Object: "backup",
		Fix: []string{`SELECT pg_drop_replication_slot('backup')`},
	},
	{ID: "superusers", Plant: []string{`CREATE ROLE boss SUPERUSER LOGIN PASSWORD 'boss'`}, Object: "boss", Fix: []string{`DROP ROLE boss`}, Do: as("boss")},

	{ID: "removed-types", Plant: []string{`CREATE TABLE dated (a abstime, b reltime)`}, Object: "dated"},
	{ID: "sql-identifier", Plant: []string{`CREATE TABLE identifiers (a information_schema.sql_identifier)`}, Object: "identifiers.a"},
	{ID: "aclitem", Plant: []string{`CREATE DOMAIN grant_of AS aclitem`, `CREATE TABLE grants (a aclitem, b grant_of, c text, d aclitem[])`}, Object: "grants."},
	{ID: "reg-types", Plant: []string{`CREATE TABLE callbacks (a regprocedure, b regproc[])`}, Object: "callbacks."},
	{ID: "system-row-types", Plant: []string{`CREATE TABLE methods (a pg_catalog.pg_am)`}, Object: "methods.a"},
	{ID: "user-types", Plant: []string{`CREATE TYPE mood AS ENUM ('fine')`, `CREATE TABLE people (m mood)`}, Object: "mood", Fix: []string{`DROP TABLE people`}},

	{ID: "postfix-operators", Plant: []string{`CREATE OPERATOR !!! (leftarg = bigint, procedure = numeric_fac)`}, Object: "!!!"},
	{ID: "polymorphic-functions", Plant: []string{`CREATE AGGREGATE gather (anyelement) (sfunc = array_append, stype = anyarray, initcond = '{}')`}, Object: "gather"},
	{ID: "encoding-conversions", Plant: []string{`CREATE CONVERSION latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8`}, Object: "latin"},
	{
		ID: "unqualified-functions", Object: "plain(",
		Plant: []string{`CREATE FUNCTION plain(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1'`, `CREATE TABLE checked (a int CHECK (plain(a) > 0))`},
	},
	{
		ID: "event-triggers", Object: "watch", Fix: []string{`DROP EVENT TRIGGER watch`},
		Plant: []string{`CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'`, `CREATE EVENT TRIGGER watch ON ddl_command_start EXECUTE PROCEDURE watch()`},
	},
	{ID: "removed-extensions", Source: checks.Versions{To: 16}, Plant: []string{`CREATE EXTENSION adminpack`}, Object: "adminpack"},
	{
		ID: "schedulers", Source: checks.Versions{From: 12}, Object: "pg_cron", Fix: []string{`DELETE FROM pg_extension WHERE extname = 'pg_cron'`},
		Plant: []string{`INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion) VALUES (9999, 'pg_cron', 10, 11, false, '1.6')`},
	},

	{ID: "oids", Plant: []string{`CREATE TABLE hidden (a int) WITH OIDS`}, Object: "hidden"},
	{
		ID: "not-null-inheritance", Object: "below.a",
		Plant: []string{`CREATE TABLE above (a int NOT NULL)`, `CREATE TABLE below () INHERITS (above)`, `ALTER TABLE below ALTER COLUMN a DROP NOT NULL`},
	},
	{
		ID: "invalid-indexes", Object: "broken_a",
		Plant: []string{`CREATE TABLE broken (a int)`, `CREATE INDEX broken_a ON broken (a)`, `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken_a'::regclass`},
	},
	{ID: "unvalidated-constraints", Plant: []string{`CREATE TABLE loose (a int)`, `ALTER TABLE loose ADD CONSTRAINT positive CHECK (a > 0) NOT VALID`}, Object: "positive"},
	{ID: "replica-identity", Plant: []string{`CREATE TABLE keyless (a int)`}, Object: "keyless", Fix: []string{`ALTER TABLE keyless ADD PRIMARY KEY (a)`}},
	{
		ID: "no-equality", Object: "documents.a",
		Plant: []string{`CREATE TABLE documents (a json)`, `INSERT INTO documents VALUES ('1')`, `UPDATE documents SET a = '2'`},
		Do:    checkstest.Until(`SELECT n_tup_upd > 0 FROM pg_stat_user_tables WHERE relname = 'documents'`),
	},
	{
		ID: "triggers-in-apply", Object: "always",
		Plant: []string{
			`CREATE TABLE audited (a int)`, `CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`,
			`CREATE TRIGGER always BEFORE INSERT ON audited FOR EACH ROW EXECUTE PROCEDURE audit()`, `ALTER TABLE audited ENABLE ALWAYS TRIGGER always`,
		},
	},
	{ID: "generated-columns", Plant: []string{`CREATE TABLE doubled (a int, b int GENERATED ALWAYS AS (a * 2) STORED)`}, Object: "doubled.b", Fix: []string{`ALTER TABLE doubled DROP COLUMN b`}},
	{ID: "deferrable-keys", Plant: []string{`CREATE TABLE later (a int UNIQUE DEFERRABLE)`}, Object: "later_a_key", Fix: []string{`ALTER TABLE later DROP CONSTRAINT later_a_key`}},
	{ID: "row-security", Plant: []string{`CREATE TABLE private (a int)`, `ALTER TABLE private ENABLE ROW LEVEL SECURITY`}, Object: "private", Fix: []string{`ALTER TABLE private DISABLE ROW LEVEL SECURITY`}},
	{ID: "materialized-views", Plant: []string{`CREATE MATERIALIZED VIEW totals AS SELECT 1 AS n`}, Object: "totals", Fix: []string{`DROP MATERIALIZED VIEW totals`}},
	{
		ID: "foreign-tables", Object: "far_away", Fix: []string{`DROP SERVER far_away`},
		Plant: []string{`CREATE EXTENSION postgres_fdw`, `CREATE SERVER far_away FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'nowhere')`},
	},
	{
		ID: "extension-tables", Object: "config", Fix: []string{`UPDATE pg_extension SET extconfig = NULL, extcondition = NULL WHERE extname = 'postgres_fdw'`},
		Plant: []string{`CREATE TABLE config (a int)`, `UPDATE pg_extension SET extconfig = ARRAY['config'::regclass::oid], extcondition = ARRAY[''] WHERE extname = 'postgres_fdw'`},
	},
	{ID: "keys-near-end", Plant: []string{`CREATE TABLE busy (id serial)`, `SELECT setval('busy_id_seq', 2000000000)`}, Object: "busy.id"},

	{ID: "collation-version", Plant: []string{`UPDATE pg_collation SET collversion = '0' WHERE collname = 'en-x-icu'`}, Object: "en-x-icu"},
	{
		ID: "text-search-reindex", DB: "icu", Object: "words_w", Fix: []string{`DROP INDEX words_w`},
		Plant: []string{`CREATE TABLE words (w tsvector)`, `CREATE INDEX words_w ON words USING gin (w)`},
	},
	{ID: "unicode", DB: "builtin", Object: "index public.names_lower", Plant: []string{`CREATE TABLE names (n text)`, `CREATE INDEX names_lower ON names (lower(n))`}, Fix: []string{`DROP INDEX names_lower`}},
	{ID: "unicode", DB: "builtin", Object: "constraint letters of public.lettered", Plant: []string{`CREATE TABLE lettered (n text CONSTRAINT letters CHECK (n ~ '^[[:alpha:]]+$'))`}, Fix: []string{`DROP TABLE lettered`}},
	{ID: "unicode", DB: "builtin", Object: "partitions public.split", Plant: []string{`CREATE TABLE split (n text) PARTITION BY HASH (upper(n))`}, Fix: []string{`DROP TABLE split`}},
	{ID: "unicode", DB: "builtin", Object: "column m of public.made", Plant: []string{`CREATE TABLE made (n text, m text GENERATED ALWAYS AS (initcap(n)) STORED)`}, Fix: []string{`DROP TABLE made`}},
	{ID: "unicode", DB: "builtin", Object: "view public.normal", Plant: []string{`CREATE MATERIALIZED VIEW normal AS SELECT normalize('x') AS n`}, Fix: []string{`DROP MATERIALIZED VIEW normal`}},
	{ID: "md5-passwords", Plant: []string{`SET password_encryption = 'md5'`, `CREATE ROLE old PASSWORD 'old'`}, Object: "old", Fix: []string{`SET password_encryption = 'scram-sha-256'`, `ALTER ROLE old PASSWORD 'old'`}},
	{ID: "createrole", Plant: []string{`CREATE ROLE maker CREATEROLE`}, Object: "maker", Fix: []string{`ALTER ROLE maker NOCREATEROLE`}},
	{ID: "hba-errors", Object: "line", Do: checkstest.AccessRule("nonsense"), Fix: []string{}},
	{ID: "hba-includes", Object: "more.conf", Do: checkstest.AccessRule("include more.conf"), Fix: []string{}},
	{
		ID: "xid-headroom", Object: "bare",
		Plant: []string{`UPDATE pg_database SET datfrozenxid = (txid_current() + 2694967296)::text::xid WHERE datname = 'bare'`},
		Fix:   []string{`UPDATE pg_database SET datfrozenxid = (SELECT datfrozenxid FROM pg_database WHERE datname = 'postgres') WHERE datname = 'bare'`},
	},

	{ID: "role-settings-removed", Plant: []string{`ALTER DATABASE app SET operator_precedence_warning = on`}, Source: checks.Versions{To: 13}, Object: "operator_precedence_warning"},
	{ID: "changed-defaults", Object: "maintenance_io_concurrency", Source: checks.Versions{From: 13}},
	{
		ID: "pending-restart", Object: "max_connections", Plant: []string{`ALTER SYSTEM SET max_connections = 150`, `SELECT pg_reload_conf()`}, Fix: []string{},
		Do: checkstest.Until(`SELECT pending_restart FROM pg_settings WHERE name = 'max_connections'`),
	},
	{ID: "ssl", Object: "ssl_cert_file", Do: speakTLS, Fix: []string{`ALTER SYSTEM RESET ssl`}},
	{ID: "archiving", Object: "archive_mode = on", Fix: []string{`ALTER SYSTEM SET archive_mode = off`}},
	{
		ID: "synchronous-standbys", Object: "nobody", Plant: []string{`ALTER SYSTEM SET synchronous_standby_names = 'nobody'`, `SELECT pg_reload_conf()`},
		Do: checkstest.Until(`SELECT setting = 'nobody' FROM pg_settings WHERE name = 'synchronous_standby_names'`),
	},
	{ID: "role-settings", Plant: []string{`ALTER DATABASE app SET lock_timeout = '10s'`}, Object: "lock_timeout"},
	{ID: "client-timeouts", Plant: []string{`CREATE ROLE quick`, `ALTER ROLE quick SET statement_timeout = '1s'`}, Object: "role quick", Fix: []string{`ALTER ROLE quick RESET statement_timeout`}},

	{ID: "long-transactions", Plant: []string{`CREATE ROLE idler LOGIN PASSWORD 'idler'`}, Object: "idler", Do: as("idler", "BEGIN", "SELECT 1"), Fix: []string{}},
	{ID: "session-state", Plant: []string{`CREATE ROLE locker LOGIN PASSWORD 'locker'`}, Object: "advisory locks: 1", Do: as("locker", "SELECT pg_advisory_lock(7)"), Fix: []string{}},
	{ID: "standbys", Object: "reader", Do: follow, Fix: []string{}},
	{ID: "publications", Plant: []string{`CREATE PUBLICATION news`}, Object: "news", Fix: []string{`DROP PUBLICATION news`}},

	{ID: "closed-databases", Plant: []string{`CREATE DATABASE closed`, `ALTER DATABASE closed ALLOW_CONNECTIONS false`}, Object: "closed"},
	{ID: "invalid-databases", Plant: []string{`CREATE DATABASE half`, `UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'half'`}, Object: "half"},
	{ID: "template-databases", Plant: []string{`CREATE DATABASE pattern IS_TEMPLATE true`}, Object: "pattern"},
	{ID: "template0-open", Plant: []string{`ALTER DATABASE template0 ALLOW_CONNECTIONS true`}, Object: "template0"},
	{ID: "template1-missing", Plant: []string{`ALTER DATABASE template1 RENAME TO template9`}, Object: "template1"},
}
