-- The spine: the record, the control state, who may write it, and the ring of samples.
-- Times are microseconds since 1970, UTC. json, not jsonb: what was written stays as it was written.

-- +goose Up
CREATE TABLE entries (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject     text   NOT NULL,
    version     bigint NOT NULL CHECK (version > 0),
    key         text            CHECK (key <> ''),
    at          bigint NOT NULL,
    kind        text   NOT NULL,
    data        json   NOT NULL,
    UNIQUE (subject, version),
    UNIQUE (subject, key)
);

-- +goose StatementBegin
CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the timeline is append-only';
END $$;
-- +goose StatementEnd

CREATE TRIGGER entries_are_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();

CREATE TABLE leases (
    maintenance text   PRIMARY KEY,
    epoch       bigint NOT NULL CHECK (epoch > 0),
    at          bigint NOT NULL
);

CREATE TABLE checkpoints (
    maintenance text   NOT NULL REFERENCES leases (maintenance),
    step        text   NOT NULL CHECK (step <> ''),
    attempt     bigint NOT NULL,
    status      text   NOT NULL CHECK (status IN ('started', 'done', 'failed', 'undone')),
    memo        json,
    epoch       bigint NOT NULL,
    at          bigint NOT NULL,
    PRIMARY KEY (maintenance, step)
);

-- A crash of the server empties it, and that is all that is lost.
CREATE UNLOGGED TABLE samples (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    maintenance text NOT NULL,
    data        json NOT NULL
);
CREATE INDEX samples_of ON samples (maintenance, seq);

-- +goose Down
DROP TABLE samples;
DROP TABLE checkpoints;
DROP TABLE leases;
DROP TABLE entries;
DROP FUNCTION append_only;
