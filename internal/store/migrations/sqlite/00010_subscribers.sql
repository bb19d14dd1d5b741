-- Who asked to be told. A link is kept as the SHA-256 of what is in it. Times are microseconds since 1970, UTC.
-- name is what deliveries call the subscriber: the address of mail, or a number and a host where the address is a secret.

-- +goose Up
CREATE TABLE subscribers (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    way          TEXT NOT NULL CHECK (way IN ('email', 'webhook', 'slack')),
    address      TEXT NOT NULL CHECK (address <> ''),
    name         TEXT NOT NULL,
    secret       TEXT,
    language     TEXT NOT NULL DEFAULT '',
    zone         TEXT NOT NULL DEFAULT '',
    maintenances INTEGER NOT NULL CHECK (maintenances IN (0, 1)),
    incidents    INTEGER NOT NULL CHECK (incidents IN (0, 1)),
    changes      INTEGER NOT NULL CHECK (changes IN (0, 1)),
    every        INTEGER NOT NULL CHECK (every IN (0, 1)), -- component, and what touches none
    state        TEXT NOT NULL CHECK (state IN ('pending', 'active', 'left', 'suppressed')),
    reason       TEXT,
    asked        INTEGER NOT NULL DEFAULT 0, -- when a link was last sent because somebody asked
    since        INTEGER,
    bounces      INTEGER NOT NULL DEFAULT 0, -- in a row
    UNIQUE (way, address)
) STRICT;
CREATE INDEX subscribers_by_name ON subscribers (way, name);
CREATE INDEX subscribers_pending ON subscribers (asked) WHERE state = 'pending';

CREATE TABLE subscriber_components (
    subscriber INTEGER NOT NULL REFERENCES subscribers (id) ON DELETE CASCADE,
    component  TEXT NOT NULL,
    PRIMARY KEY (subscriber, component)
) STRICT;

CREATE TABLE subscriber_links (
    hash       BLOB PRIMARY KEY,
    subscriber INTEGER NOT NULL REFERENCES subscribers (id) ON DELETE CASCADE,
    expires    INTEGER NOT NULL
) STRICT;
CREATE INDEX subscriber_links_of ON subscriber_links (subscriber);
CREATE INDEX subscriber_links_over ON subscriber_links (expires);

-- +goose Down
DROP TABLE subscriber_links;
DROP TABLE subscriber_components;
DROP TABLE subscribers;
