-- People who are signed in to a product: what they were told inside of it, and what they made of it.
-- Times are microseconds since 1970, UTC.

-- +goose Up
CREATE TABLE people (
    channel text   NOT NULL CHECK (channel <> ''),
    id      text   NOT NULL CHECK (id <> ''),
    seen    bigint NOT NULL,           -- when they were last here
    read    bigint NOT NULL DEFAULT 0, -- the last post that they have read
    changed bigint NOT NULL DEFAULT 0, -- grows with each change that their other devices show
    PRIMARY KEY (channel, id)
);
CREATE INDEX people_changed ON people (changed);
CREATE INDEX people_seen ON people (seen);

CREATE TABLE marks (
    channel   text   NOT NULL,
    person    text   NOT NULL,
    message   text   NOT NULL CHECK (message <> ''),
    subject   text   NOT NULL,
    made      bigint NOT NULL,
    told      bigint,
    seen      bigint,
    dismissed bigint,
    PRIMARY KEY (channel, person, message),
    FOREIGN KEY (channel, person) REFERENCES people (channel, id) ON DELETE CASCADE
);
CREATE INDEX marks_made ON marks (made);

CREATE TABLE reactions (
    channel text   NOT NULL,
    person  text   NOT NULL,
    post    text   NOT NULL CHECK (post <> ''),
    kind    text   NOT NULL CHECK (kind <> ''),
    at      bigint NOT NULL,
    PRIMARY KEY (channel, person, post),
    FOREIGN KEY (channel, person) REFERENCES people (channel, id) ON DELETE CASCADE
);
CREATE INDEX reactions_to ON reactions (post, kind);

-- How many have seen a message: it stays when the people are forgotten.
CREATE TABLE views (
    channel text   NOT NULL,
    message text   NOT NULL,
    subject text   NOT NULL,
    word    text   NOT NULL,
    first   bigint NOT NULL,
    seen    bigint NOT NULL,
    PRIMARY KEY (channel, message)
);
CREATE INDEX views_of ON views (subject);

-- +goose Down
DROP TABLE views;
DROP TABLE reactions;
DROP TABLE marks;
DROP TABLE people;
