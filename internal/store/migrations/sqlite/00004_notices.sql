-- What is to be told, and to whom. Rows are written in the transaction of the event that causes them.
-- Times are microseconds since 1970, UTC. data is the notice with the facts of that moment.

-- +goose Up
CREATE TABLE notices (
    id      TEXT    PRIMARY KEY,
    subject TEXT    NOT NULL,
    due     INTEGER NOT NULL,
    state   TEXT    NOT NULL CHECK (state IN ('waiting', 'told', 'overtaken')),
    data    TEXT    NOT NULL CHECK (json_valid(data))
) STRICT;
CREATE INDEX notices_due ON notices (due) WHERE state = 'waiting';

CREATE TABLE deliveries (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    notice    TEXT    NOT NULL REFERENCES notices (id),
    subject   TEXT    NOT NULL,
    channel   TEXT    NOT NULL CHECK (channel <> ''),
    recipient TEXT    NOT NULL CHECK (recipient <> ''),
    state     TEXT    NOT NULL CHECK (state IN ('waiting', 'sending', 'sent', 'dead', 'overtaken')),
    due       INTEGER NOT NULL,
    attempts  INTEGER NOT NULL DEFAULT 0,
    epoch     INTEGER NOT NULL DEFAULT 0, -- of the lease under which it is being sent
    twice     INTEGER NOT NULL DEFAULT 0 CHECK (twice IN (0, 1)),
    reason    TEXT,
    at        INTEGER NOT NULL,
    UNIQUE (notice, recipient, channel)
) STRICT;
CREATE INDEX deliveries_due ON deliveries (channel, due) WHERE state IN ('waiting', 'sending');
CREATE INDEX deliveries_of ON deliveries (subject, channel, recipient);

-- +goose Down
DROP TABLE deliveries;
DROP TABLE notices;
