-- What the last check of a plan found, so that the next one can say what is settled. No part of the record.

-- +goose Up
CREATE TABLE checks (
    maintenance TEXT    PRIMARY KEY,
    at          INTEGER NOT NULL,
    found       TEXT    NOT NULL
) STRICT;

-- +goose Down
DROP TABLE checks;
