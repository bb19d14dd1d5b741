// Package timeline is the record: what happened to each maintenance and what was
// said of it, append-only, ordered by sequence and never by clock.
//
// It declares the port Log and the codec of events. It must not know who stores
// the record or who reads it.
package timeline

import (
	"context"
	"errors"
	"time"

	"github.com/lullhq/lull/internal/maint"
)

// Draft is an entry before the log has given it its place.
type Draft struct {
	// Key makes appending idempotent: a draft whose key the maintenance already has is skipped.
	// Empty means that the entry may not be repeated safely and is always appended.
	Key   string
	At    time.Time
	Event maint.Event
}

// Entry is one line of the record.
type Entry struct {
	Seq     int64 // position in the whole log, ascending, gaps allowed
	Subject maint.ID
	Version int64 // 1, 2, 3 ... within the maintenance, without gaps
	Key     string
	At      time.Time // UTC, microseconds
	Event   maint.Event
}

// ErrConflict says that the maintenance has moved on since it was read: read again and decide again.
var ErrConflict = errors.New("the maintenance has changed since it was read")

// AnyVersion as expected version appends whatever the maintenance's version is.
const AnyVersion int64 = -1

// Log is the port of the record.
type Log interface {
	// Append writes the drafts after version expected of the maintenance, all or none.
	// It returns the entries that were written; drafts with a known key are left out.
	Append(ctx context.Context, id maint.ID, expected int64, drafts ...Draft) ([]Entry, error)
	// Read returns up to limit entries of all maintenances with Seq > after, in order.
	Read(ctx context.Context, after int64, limit int) ([]Entry, error)
	// History returns every entry of one maintenance, in order. Unknown: none, no error.
	History(ctx context.Context, id maint.ID) ([]Entry, error)
}

// Fold gives the maintenance that the entries tell of.
func Fold(id maint.ID, entries []Entry) maint.Maintenance {
	m := maint.Maintenance{ID: id, State: maint.Draft}
	for _, e := range entries {
		m = m.Apply(e.Event, e.At)
	}
	return m
}

// PublicEntry is an entry that anyone may read. There is no way to make one of a private event.
type PublicEntry struct {
	Seq     int64
	Subject maint.ID
	At      time.Time
	Event   maint.Public
}

// Public keeps the entries whose events are of the public type.
func Public(entries []Entry) []PublicEntry {
	var out []PublicEntry
	for _, e := range entries {
		if p, ok := e.Event.(maint.Public); ok {
			out = append(out, PublicEntry{Seq: e.Seq, Subject: e.Subject, At: e.At, Event: p})
		}
	}
	return out
}
