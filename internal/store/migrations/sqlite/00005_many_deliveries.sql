-- A hundred thousand recipients of one notice: what is open, and what is being sent, is found without looking at the rest.
-- tried is when the oldest attempt began of which nobody knows what became. Microseconds since 1970, UTC.

-- +goose Up
ALTER TABLE deliveries ADD COLUMN tried INTEGER;
CREATE INDEX deliveries_open ON deliveries (notice) WHERE state IN ('waiting', 'sending');
CREATE INDEX deliveries_sending ON deliveries (channel, epoch) WHERE state = 'sending';

-- +goose Down
DROP INDEX deliveries_sending;
DROP INDEX deliveries_open;
ALTER TABLE deliveries DROP COLUMN tried;
