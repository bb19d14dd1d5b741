-- A schema with something of everything that differs, or might seem to, between majors.
CREATE ROLE shop_app; CREATE ROLE shop_reader;
CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION pg_trgm;
CREATE SCHEMA sales AUTHORIZATION shop_app;
GRANT USAGE ON SCHEMA sales TO shop_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA sales GRANT SELECT ON TABLES TO shop_reader;
CREATE TYPE sales.state AS ENUM ('new', 'paid', 'sent');
ALTER TYPE sales.state ADD VALUE 'packed' BEFORE 'sent';
CREATE DOMAIN sales.quantity AS integer NOT NULL DEFAULT 1 CHECK (VALUE > 0);
CREATE TYPE sales.address AS (street text, town varchar(40));
CREATE TYPE sales.span AS RANGE (subtype = timestamptz);
CREATE COLLATION sales.bytes (locale = 'C');
CREATE FUNCTION sales.tax(amount numeric, rate numeric DEFAULT 0.15) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT AS 'SELECT amount * rate';
CREATE FUNCTION sales.touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.touched := now(); RETURN NEW; END$$;
CREATE PROCEDURE sales.close(IN day date) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$BEGIN NULL; END$$;
CREATE AGGREGATE sales.total(numeric) (SFUNC = numeric_add, STYPE = numeric, INITCOND = '0');
CREATE OPERATOR sales.<=> (LEFTARG = integer, RIGHTARG = integer, PROCEDURE = int4ne);
CREATE TABLE sales.customers (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  email public.citext NOT NULL UNIQUE,
  name varchar(80) COLLATE "C",
  kind varchar(10) DEFAULT 'normal' CHECK (kind IN ('normal', 'trade')),
  joined timestamptz DEFAULT now() CHECK (joined AT TIME ZONE 'UTC' > '2000-01-01' AND extract(year FROM joined) > 1999),
  address sales.address, attributes public.hstore, extra jsonb DEFAULT '{}',
  touched timestamptz,
  upper_name text);
ALTER TABLE sales.customers ADD COLUMN gone int; ALTER TABLE sales.customers DROP COLUMN gone;
CREATE INDEX customers_lower ON sales.customers (lower(name::text) text_pattern_ops) WHERE kind IN ('trade', 'normal');
CREATE INDEX customers_extra ON sales.customers USING gin (extra jsonb_path_ops);
CREATE INDEX customers_year ON sales.customers (date_part('year', joined AT TIME ZONE 'UTC'));
CREATE STATISTICS sales.customers_kind ON kind, name FROM sales.customers;
ALTER TABLE sales.customers OWNER TO shop_app;
GRANT ALL ON sales.customers TO shop_reader WITH GRANT OPTION;
GRANT UPDATE (name) ON sales.customers TO shop_reader;
ALTER TABLE sales.customers ALTER COLUMN name SET STATISTICS 500;
CREATE TABLE sales.orders (
  id integer NOT NULL, placed date NOT NULL, customer bigint ,
  state sales.state DEFAULT 'new', amount numeric(12,2) CHECK (amount >= 0 AND (amount < 1e6 OR state = 'paid')), ratio double precision, quantity sales.quantity,
  CHECK (id>0)) PARTITION BY RANGE (placed);
CREATE TABLE sales.orders_2025 PARTITION OF sales.orders FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') WITH (fillfactor = 80);
CREATE TABLE sales.orders_2026 PARTITION OF sales.orders FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY RANGE (id);
CREATE TABLE sales.orders_2026_low PARTITION OF sales.orders_2026 FOR VALUES FROM (MINVALUE) TO (-5);
CREATE TABLE sales.orders_2026_rest PARTITION OF sales.orders_2026 DEFAULT;
CREATE INDEX orders_customer ON sales.orders (customer, amount DESC NULLS LAST);
ALTER TABLE sales.orders ADD CONSTRAINT late CHECK (placed > '2020-01-01') NOT VALID;
CREATE TRIGGER orders_seen AFTER INSERT ON sales.orders FOR EACH ROW WHEN (NEW.amount > 10) EXECUTE PROCEDURE sales.touch();
CREATE TRIGGER customers_touch BEFORE UPDATE OF name, kind ON sales.customers FOR EACH ROW EXECUTE PROCEDURE sales.touch();
CREATE TRIGGER customers_off BEFORE DELETE ON sales.customers FOR EACH ROW EXECUTE PROCEDURE sales.touch();
ALTER TABLE sales.customers DISABLE TRIGGER customers_off;
CREATE CONSTRAINT TRIGGER customers_later AFTER INSERT ON sales.customers DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE PROCEDURE sales.touch();
CREATE TABLE sales.regions (region text, code int) PARTITION BY LIST (region);
CREATE TABLE sales.regions_south PARTITION OF sales.regions FOR VALUES IN ('NZ', 'AU', NULL);
CREATE TABLE sales.log (at timestamptz DEFAULT now(), line text, code smallint);
CREATE TABLE sales.parent (id serial PRIMARY KEY, note text);
CREATE TABLE sales.child (more text) INHERITS (sales.parent);
CREATE TABLE sales.bookings (room int, during tstzrange, EXCLUDE USING gist (during WITH &&));
CREATE UNLOGGED TABLE sales.cache (id bigserial PRIMARY KEY, body bytea);
CREATE SEQUENCE sales.invoice AS integer START 1000 INCREMENT BY 10 MINVALUE 1000 MAXVALUE 99990 CACHE 5 CYCLE OWNED BY sales.parent.id;
CREATE VIEW sales.open_orders WITH (security_barrier) AS SELECT o.id, o.customer, c.email FROM sales.orders o JOIN sales.customers c ON c.id = o.customer WHERE o.state = 'new';
CREATE MATERIALIZED VIEW sales.totals AS SELECT customer, sum(amount) AS amount FROM sales.orders GROUP BY customer;
CREATE UNIQUE INDEX totals_customer ON sales.totals (customer);
CREATE MATERIALIZED VIEW sales.never AS SELECT 1 AS one WITH NO DATA;
CREATE RULE no_log AS ON DELETE TO sales.log DO INSTEAD NOTHING;
ALTER TABLE sales.customers ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON sales.customers FOR SELECT TO shop_reader USING (name = CURRENT_USER);
REVOKE EXECUTE ON FUNCTION sales.tax(numeric, numeric) FROM PUBLIC;
CREATE PUBLICATION feed FOR TABLE sales.parent;
CREATE TEXT SEARCH CONFIGURATION sales.plain (COPY = simple);
CREATE CAST (sales.address AS text) WITH INOUT;
