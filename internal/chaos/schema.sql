-- A little of everything that an upgrade can trip over.
GRANT CREATE, USAGE ON SCHEMA public TO client;
CREATE EXTENSION citext;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE customer (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email    citext NOT NULL UNIQUE,
    mood     mood NOT NULL DEFAULT 'ok',
    settings jsonb NOT NULL DEFAULT '{}',
    domain   text GENERATED ALWAYS AS (split_part(email::text, '@', 2)) STORED
);
CREATE SEQUENCE ticket START 1000;
CREATE TABLE orders (
    id       bigint NOT NULL DEFAULT nextval('ticket'),
    day      date NOT NULL,
    customer bigint NOT NULL REFERENCES customer,
    PRIMARY KEY (id, day)
) PARTITION BY RANGE (day);
CREATE TABLE orders_early PARTITION OF orders FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
CREATE TABLE orders_late PARTITION OF orders DEFAULT;
CREATE TABLE visit (customer bigint NOT NULL, path text NOT NULL); -- without a key
CREATE TABLE audit (at timestamptz NOT NULL, what text NOT NULL);
ALTER TABLE audit REPLICA IDENTITY FULL; -- the application's own, to be left alone

CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER watch BEFORE UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION watch();
CREATE FUNCTION heed() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE DEBUG '%', tg_tag; END $$;
CREATE EVENT TRIGGER heed ON ddl_command_end EXECUTE FUNCTION heed();
CREATE PUBLICATION elsewhere FOR TABLE audit;

INSERT INTO customer (email, mood) SELECT 'c' || i || '@example.com', (ARRAY['sad', 'ok', 'happy']::mood[])[1 + i % 3] FROM generate_series(1, 2000) i;
INSERT INTO orders (day, customer) SELECT date '2026-01-01' + i % 365, 1 + i % 2000 FROM generate_series(1, 4000) i;
INSERT INTO visit SELECT 1 + i % 2000, '/p/' || i FROM generate_series(1, 2000) i;
CREATE MATERIALIZED VIEW busy AS SELECT customer, count(*) AS n FROM orders GROUP BY 1;
GRANT ALL ON ALL TABLES IN SCHEMA public TO client;
GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO client;
