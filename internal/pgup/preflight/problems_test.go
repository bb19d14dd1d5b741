package preflight_test

import "github.com/lullhq/lull/internal/checks"

// problems are in the order in which they are planted. They are taken away in the opposite one.
var problems = []planted{
	{id: "wal_level", object: "wal_level = replica"},
	{id: "slots", object: "0 of 2 are free"},
	{id: "senders", object: "are needed"},
	{id: "workers", object: "max_logical_replication_workers = 0"},
	{id: "max_slot_wal_keep_size", object: "1GB"},
	{id: "plpgsql", db: "bare", plant: []string{`DROP EXTENSION plpgsql`}, object: "bare"},
	{id: "lull-schema", db: "bare", plant: []string{`CREATE SCHEMA lull`}, object: "bare"},
	{id: "tablespaces", object: "spare", do: tablespace},
	{
		id: "subscriptions", object: "far",
		plant: []string{`CREATE SUBSCRIPTION far CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p WITH (connect = false)`},
		fix:   []string{`ALTER SUBSCRIPTION far SET (slot_name = NONE)`, `DROP SUBSCRIPTION far`},
	},
	{id: "prepared-transactions", plant: []string{`BEGIN; CREATE TABLE prepared (); PREPARE TRANSACTION 'left over'`}, object: "left over"},
	{id: "foreign-slot", plant: []string{`SELECT pg_create_physical_replication_slot('lull_test_1')`}, object: "lull_test_1"},
	{
		id: "slot", plant: []string{`SELECT pg_create_physical_replication_slot('backup')`}, object: "backup",
		fix: []string{`SELECT pg_drop_replication_slot('backup')`},
	},
	{id: "superusers", plant: []string{`CREATE ROLE boss SUPERUSER LOGIN PASSWORD 'boss'`}, object: "boss", fix: []string{`DROP ROLE boss`}, do: as("boss")},

	{id: "removed-types", plant: []string{`CREATE TABLE dated (a abstime, b reltime)`}, object: "dated"},
	{id: "sql-identifier", plant: []string{`CREATE TABLE identifiers (a information_schema.sql_identifier)`}, object: "identifiers.a"},
	{id: "aclitem", plant: []string{`CREATE DOMAIN grant_of AS aclitem`, `CREATE TABLE grants (a aclitem, b grant_of, c text, d aclitem[])`}, object: "grants."},
	{id: "reg-types", plant: []string{`CREATE TABLE callbacks (a regprocedure, b regproc[])`}, object: "callbacks."},
	{id: "system-row-types", plant: []string{`CREATE TABLE methods (a pg_catalog.pg_am)`}, object: "methods.a"},
	{id: "user-types", plant: []string{`CREATE TYPE mood AS ENUM ('fine')`, `CREATE TABLE people (m mood)`}, object: "mood", fix: []string{`DROP TABLE people`}},

	{id: "postfix-operators", plant: []string{`CREATE OPERATOR !!! (leftarg = bigint, procedure = numeric_fac)`}, object: "!!!"},
	{id: "polymorphic-functions", plant: []string{`CREATE AGGREGATE gather (anyelement) (sfunc = array_append, stype = anyarray, initcond = '{}')`}, object: "gather"},
	{id: "encoding-conversions", plant: []string{`CREATE CONVERSION latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8`}, object: "latin"},
	{
		id: "unqualified-functions", object: "plain(",
		plant: []string{`CREATE FUNCTION plain(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1'`, `CREATE TABLE checked (a int CHECK (plain(a) > 0))`},
	},
	{
		id: "event-triggers", object: "watch", fix: []string{`DROP EVENT TRIGGER watch`},
		plant: []string{`CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'`, `CREATE EVENT TRIGGER watch ON ddl_command_start EXECUTE PROCEDURE watch()`},
	},
	{id: "removed-extensions", source: checks.Versions{To: 16}, plant: []string{`CREATE EXTENSION adminpack`}, object: "adminpack"},
	{
		id: "schedulers", source: checks.Versions{From: 12}, object: "pg_cron", fix: []string{`DELETE FROM pg_extension WHERE extname = 'pg_cron'`},
		plant: []string{`INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion) VALUES (9999, 'pg_cron', 10, 11, false, '1.6')`},
	},

	{id: "oids", plant: []string{`CREATE TABLE hidden (a int) WITH OIDS`}, object: "hidden"},
	{
		id: "not-null-inheritance", object: "below.a",
		plant: []string{`CREATE TABLE above (a int NOT NULL)`, `CREATE TABLE below () INHERITS (above)`, `ALTER TABLE below ALTER COLUMN a DROP NOT NULL`},
	},
	{
		id: "invalid-indexes", object: "broken_a",
		plant: []string{`CREATE TABLE broken (a int)`, `CREATE INDEX broken_a ON broken (a)`, `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken_a'::regclass`},
	},
	{id: "unvalidated-constraints", plant: []string{`CREATE TABLE loose (a int)`, `ALTER TABLE loose ADD CONSTRAINT positive CHECK (a > 0) NOT VALID`}, object: "positive"},
	{id: "replica-identity", plant: []string{`CREATE TABLE keyless (a int)`}, object: "keyless", fix: []string{`ALTER TABLE keyless ADD PRIMARY KEY (a)`}},
	{
		id: "no-equality", object: "documents.a",
		plant: []string{`CREATE TABLE documents (a json)`, `INSERT INTO documents VALUES ('1')`, `UPDATE documents SET a = '2'`},
		do:    until(`SELECT n_tup_upd > 0 FROM pg_stat_user_tables WHERE relname = 'documents'`),
	},
	{
		id: "triggers-in-apply", object: "always",
		plant: []string{
			`CREATE TABLE audited (a int)`, `CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'`,
			`CREATE TRIGGER always BEFORE INSERT ON audited FOR EACH ROW EXECUTE PROCEDURE audit()`, `ALTER TABLE audited ENABLE ALWAYS TRIGGER always`,
		},
	},
	{id: "generated-columns", plant: []string{`CREATE TABLE doubled (a int, b int GENERATED ALWAYS AS (a * 2) STORED)`}, object: "doubled.b", fix: []string{`ALTER TABLE doubled DROP COLUMN b`}},
	{id: "deferrable-keys", plant: []string{`CREATE TABLE later (a int UNIQUE DEFERRABLE)`}, object: "later_a_key", fix: []string{`ALTER TABLE later DROP CONSTRAINT later_a_key`}},
	{id: "row-security", plant: []string{`CREATE TABLE private (a int)`, `ALTER TABLE private ENABLE ROW LEVEL SECURITY`}, object: "private", fix: []string{`ALTER TABLE private DISABLE ROW LEVEL SECURITY`}},
	{id: "materialized-views", plant: []string{`CREATE MATERIALIZED VIEW totals AS SELECT 1 AS n`}, object: "totals", fix: []string{`DROP MATERIALIZED VIEW totals`}},
	{
		id: "foreign-tables", object: "far_away", fix: []string{`DROP SERVER far_away`},
		plant: []string{`CREATE EXTENSION postgres_fdw`, `CREATE SERVER far_away FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'nowhere')`},
	},
	{
		id: "extension-tables", object: "config", fix: []string{`UPDATE pg_extension SET extconfig = NULL, extcondition = NULL WHERE extname = 'postgres_fdw'`},
		plant: []string{`CREATE TABLE config (a int)`, `UPDATE pg_extension SET extconfig = ARRAY['config'::regclass::oid], extcondition = ARRAY[''] WHERE extname = 'postgres_fdw'`},
	},
	{id: "keys-near-end", plant: []string{`CREATE TABLE busy (id serial)`, `SELECT setval('busy_id_seq', 2000000000)`}, object: "busy.id"},

	{id: "collation-version", plant: []string{`UPDATE pg_collation SET collversion = '0' WHERE collname = 'en-x-icu'`}, object: "en-x-icu"},
	{
		id: "text-search-reindex", db: "icu", object: "words_w", fix: []string{`DROP INDEX words_w`},
		plant: []string{`CREATE TABLE words (w tsvector)`, `CREATE INDEX words_w ON words USING gin (w)`},
	},
	{id: "md5-passwords", plant: []string{`SET password_encryption = 'md5'`, `CREATE ROLE old PASSWORD 'old'`}, object: "old", fix: []string{`SET password_encryption = 'scram-sha-256'`, `ALTER ROLE old PASSWORD 'old'`}},
	{id: "createrole", plant: []string{`CREATE ROLE maker CREATEROLE`}, object: "maker", fix: []string{`ALTER ROLE maker NOCREATEROLE`}},
	{id: "hba-errors", object: "line", do: accessRule("nonsense"), fix: []string{}},
	{id: "hba-includes", object: "more.conf", do: accessRule("include more.conf"), fix: []string{}},
	{
		id: "xid-headroom", object: "bare",
		plant: []string{`UPDATE pg_database SET datfrozenxid = (txid_current() + 2694967296)::text::xid WHERE datname = 'bare'`},
		fix:   []string{`UPDATE pg_database SET datfrozenxid = (SELECT datfrozenxid FROM pg_database WHERE datname = 'postgres') WHERE datname = 'bare'`},
	},

	{id: "role-settings-removed", plant: []string{`ALTER DATABASE app SET operator_precedence_warning = on`}, source: checks.Versions{To: 13}, object: "operator_precedence_warning"},
	{id: "changed-defaults", object: "maintenance_io_concurrency", source: checks.Versions{From: 13}},
	{
		id: "pending-restart", object: "max_connections", plant: []string{`ALTER SYSTEM SET max_connections = 150`, `SELECT pg_reload_conf()`}, fix: []string{},
		do: until(`SELECT pending_restart FROM pg_settings WHERE name = 'max_connections'`),
	},
	{id: "ssl", object: "ssl_cert_file", do: speakTLS, fix: []string{`ALTER SYSTEM RESET ssl`}},
	{id: "archiving", object: "archive_mode = on", fix: []string{`ALTER SYSTEM SET archive_mode = off`}},
	{
		id: "synchronous-standbys", object: "nobody", plant: []string{`ALTER SYSTEM SET synchronous_standby_names = 'nobody'`, `SELECT pg_reload_conf()`},
		do: until(`SELECT setting = 'nobody' FROM pg_settings WHERE name = 'synchronous_standby_names'`),
	},
	{id: "role-settings", plant: []string{`ALTER DATABASE app SET lock_timeout = '10s'`}, object: "lock_timeout"},
	{id: "client-timeouts", plant: []string{`CREATE ROLE quick`, `ALTER ROLE quick SET statement_timeout = '1s'`}, object: "role quick", fix: []string{`ALTER ROLE quick RESET statement_timeout`}},

	{id: "long-transactions", plant: []string{`CREATE ROLE idler LOGIN PASSWORD 'idler'`}, object: "idler", do: as("idler", "BEGIN", "SELECT 1"), fix: []string{}},
	{id: "session-state", plant: []string{`CREATE ROLE locker LOGIN PASSWORD 'locker'`}, object: "advisory locks: 1", do: as("locker", "SELECT pg_advisory_lock(7)"), fix: []string{}},
	{id: "standbys", object: "reader", do: follow, fix: []string{}},
	{id: "publications", plant: []string{`CREATE PUBLICATION news`}, object: "news", fix: []string{`DROP PUBLICATION news`}},

	{id: "closed-databases", plant: []string{`CREATE DATABASE closed`, `ALTER DATABASE closed ALLOW_CONNECTIONS false`}, object: "closed"},
	{id: "invalid-databases", plant: []string{`CREATE DATABASE half`, `UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'half'`}, object: "half"},
	{id: "template-databases", plant: []string{`CREATE DATABASE pattern IS_TEMPLATE true`}, object: "pattern"},
	{id: "template0-open", plant: []string{`ALTER DATABASE template0 ALLOW_CONNECTIONS true`}, object: "template0"},
	{id: "template1-missing", plant: []string{`ALTER DATABASE template1 RENAME TO template9`}, object: "template1"},
}
