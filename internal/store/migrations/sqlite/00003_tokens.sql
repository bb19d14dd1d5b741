-- Who may ask the API for what. Of a token's secret only the SHA-256 is kept.
-- Times are microseconds since 1970, UTC.

-- +goose Up
CREATE TABLE tokens (
    name    TEXT    PRIMARY KEY,
    hash    BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    scopes  TEXT    NOT NULL CHECK (scopes <> ''), -- with blanks between them
    created INTEGER NOT NULL,
    expires INTEGER,
    used    INTEGER,
    revoked INTEGER
) STRICT;

-- +goose Down
DROP TABLE tokens;
