-- The record is not of maintenances alone: incidents and components have entries, too.

-- +goose Up
ALTER TABLE entries RENAME COLUMN maintenance TO subject;

-- +goose Down
ALTER TABLE entries RENAME COLUMN subject TO maintenance;
