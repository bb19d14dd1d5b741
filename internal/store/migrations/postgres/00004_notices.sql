-- What is to be told, and to whom. Rows are written in the transaction of the event that causes them.
-- Times are microseconds since 1970, UTC. data is the notice with the facts of that moment.

-- +goose Up
CREATE TABLE notices (
    id      text   PRIMARY KEY,
    subject text   NOT NULL,
    due     bigint NOT NULL,
    state   text   NOT NULL CHECK (state IN ('waiting', 'told', 'overtaken')),
    data    json   NOT NULL
);
CREATE INDEX notices_due ON notices (due) WHERE state = 'waiting';

CREATE TABLE deliveries (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    notice    text   NOT NULL REFERENCES notices (id),
    subject   text   NOT NULL,
    channel   text   NOT NULL CHECK (channel <> ''),
    recipient text   NOT NULL CHECK (recipient <> ''),
    state     text   NOT NULL CHECK (state IN ('waiting', 'sending', 'sent', 'dead', 'overtaken')),
    due       bigint NOT NULL,
    attempts  bigint NOT NULL DEFAULT 0,
    epoch     bigint NOT NULL DEFAULT 0, -- of the lease under which it is being sent
    twice     bigint NOT NULL DEFAULT 0 CHECK (twice IN (0, 1)),
    reason    text,
    at        bigint NOT NULL,
    UNIQUE (notice, recipient, channel)
);
CREATE INDEX deliveries_due ON deliveries (channel, due) WHERE state IN ('waiting', 'sending');
CREATE INDEX deliveries_of ON deliveries (subject, channel, recipient);

-- +goose Down
DROP TABLE deliveries;
DROP TABLE notices;
