-- Posts that wait, and the pictures of posts. A picture's name is the SHA-256 of its bytes and the ending of its type.

-- +goose Up
CREATE INDEX entries_drafted ON entries (subject, version) WHERE kind = 'change_drafted';

CREATE TABLE pictures (
    name text  PRIMARY KEY,
    body bytea NOT NULL
);

-- +goose Down
DROP TABLE pictures;
DROP INDEX entries_drafted;
