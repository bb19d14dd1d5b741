-- Who may ask the API for what. Of a token's secret only the SHA-256 is kept.
-- Numbers are those of SQLite's migrations, where there is one that does the same.

-- +goose Up
CREATE TABLE tokens (
    name    text   PRIMARY KEY,
    hash    bytea  NOT NULL UNIQUE CHECK (length(hash) = 32),
    scopes  text   NOT NULL CHECK (scopes <> ''), -- with blanks between them
    created bigint NOT NULL,
    expires bigint,
    used    bigint,
    revoked bigint
);

-- +goose Down
DROP TABLE tokens;
