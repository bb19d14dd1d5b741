-- Who asked to be told. A link is kept as the SHA-256 of what is in it. Times are microseconds since 1970, UTC.
-- name is what deliveries call the subscriber: the address of mail, or a number and a host where the address is a secret.

-- +goose Up
CREATE TABLE subscribers (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    way          text NOT NULL CHECK (way IN ('email', 'webhook', 'slack')),
    address      text NOT NULL CHECK (address <> ''),
    name         text NOT NULL,
    secret       text,
    language     text NOT NULL DEFAULT '',
    zone         text NOT NULL DEFAULT '',
    maintenances bigint NOT NULL CHECK (maintenances IN (0, 1)),
    incidents    bigint NOT NULL CHECK (incidents IN (0, 1)),
    changes      bigint NOT NULL CHECK (changes IN (0, 1)),
    every        bigint NOT NULL CHECK (every IN (0, 1)), -- component, and what touches none
    state        text NOT NULL CHECK (state IN ('pending', 'active', 'left', 'suppressed')),
    reason       text,
    asked        bigint NOT NULL DEFAULT 0, -- when a link was last sent because somebody asked
    since        bigint,
    bounces      bigint NOT NULL DEFAULT 0, -- in a row
    UNIQUE (way, address)
);
CREATE INDEX subscribers_by_name ON subscribers (way, name);
CREATE INDEX subscribers_pending ON subscribers (asked) WHERE state = 'pending';

CREATE TABLE subscriber_components (
    subscriber bigint NOT NULL REFERENCES subscribers (id) ON DELETE CASCADE,
    component  text NOT NULL,
    PRIMARY KEY (subscriber, component)
);

CREATE TABLE subscriber_links (
    hash       bytea PRIMARY KEY,
    subscriber bigint NOT NULL REFERENCES subscribers (id) ON DELETE CASCADE,
    expires    bigint NOT NULL
);
CREATE INDEX subscriber_links_of ON subscriber_links (subscriber);
CREATE INDEX subscriber_links_over ON subscriber_links (expires);

-- +goose Down
DROP TABLE subscriber_links;
DROP TABLE subscriber_components;
DROP TABLE subscribers;
