-- What the last check of a plan found, so that the next one can say what is settled. No part of the record.

-- +goose Up
CREATE TABLE checks (
    maintenance text   PRIMARY KEY,
    at          bigint NOT NULL,
    found       text   NOT NULL
);

-- +goose Down
DROP TABLE checks;
