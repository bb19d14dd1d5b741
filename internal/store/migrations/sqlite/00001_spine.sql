-- The spine: the record, the control state, and who may write it.
-- Times are microseconds since 1970, UTC.

-- +goose Up
CREATE TABLE entries (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    maintenance TEXT    NOT NULL,
    version     INTEGER NOT NULL CHECK (version > 0),
    key         TEXT             CHECK (key <> ''),
    at          INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    data        TEXT    NOT NULL CHECK (json_valid(data)),
    UNIQUE (maintenance, version),
    UNIQUE (maintenance, key)
) STRICT;

-- +goose StatementBegin
CREATE TRIGGER entries_are_not_changed BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'the timeline is append-only'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER entries_are_not_removed BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'the timeline is append-only'); END;
-- +goose StatementEnd

CREATE TABLE leases (
    maintenance TEXT    PRIMARY KEY,
    epoch       INTEGER NOT NULL CHECK (epoch > 0),
    at          INTEGER NOT NULL
) STRICT;

CREATE TABLE checkpoints (
    maintenance TEXT    NOT NULL REFERENCES leases (maintenance),
    step        TEXT    NOT NULL CHECK (step <> ''),
    attempt     INTEGER NOT NULL,
    status      TEXT    NOT NULL CHECK (status IN ('started', 'done', 'failed', 'undone')),
    memo        TEXT             CHECK (json_valid(memo)),
    epoch       INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (maintenance, step)
) STRICT;

-- +goose Down
DROP TABLE checkpoints;
DROP TABLE leases;
DROP TABLE entries;
