-- People who are signed in to a product: what they were told inside of it, and what they made of it.
-- Times are microseconds since 1970, UTC.

-- +goose Up
CREATE TABLE people (
    channel TEXT    NOT NULL CHECK (channel <> ''),
    id      TEXT    NOT NULL CHECK (id <> ''),
    seen    INTEGER NOT NULL,           -- when they were last here
    read    INTEGER NOT NULL DEFAULT 0, -- the last post that they have read
    changed INTEGER NOT NULL DEFAULT 0, -- grows with each change that their other devices show
    PRIMARY KEY (channel, id)
) STRICT;
CREATE INDEX people_changed ON people (changed);
CREATE INDEX people_seen ON people (seen);

CREATE TABLE marks (
    channel   TEXT    NOT NULL,
    person    TEXT    NOT NULL,
    message   TEXT    NOT NULL CHECK (message <> ''),
    subject   TEXT    NOT NULL,
    made      INTEGER NOT NULL,
    told      INTEGER,
    seen      INTEGER,
    dismissed INTEGER,
    PRIMARY KEY (channel, person, message),
    FOREIGN KEY (channel, person) REFERENCES people (channel, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX marks_made ON marks (made);

CREATE TABLE reactions (
    channel TEXT    NOT NULL,
    person  TEXT    NOT NULL,
    post    TEXT    NOT NULL CHECK (post <> ''),
    kind    TEXT    NOT NULL CHECK (kind <> ''),
    at      INTEGER NOT NULL,
    PRIMARY KEY (channel, person, post),
    FOREIGN KEY (channel, person) REFERENCES people (channel, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX reactions_to ON reactions (post, kind);

-- How many have seen a message: it stays when the people are forgotten.
CREATE TABLE views (
    channel TEXT    NOT NULL,
    message TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    word    TEXT    NOT NULL,
    first   INTEGER NOT NULL,
    seen    INTEGER NOT NULL,
    PRIMARY KEY (channel, message)
) STRICT;
CREATE INDEX views_of ON views (subject);

-- +goose Down
DROP TABLE views;
DROP TABLE reactions;
DROP TABLE marks;
DROP TABLE people;
