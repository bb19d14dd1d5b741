package timeline

import (
	"context"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/maint"
)

// Memory is a Log that ends with its process. The zero value is ready.
//
// Every event passes through the codec, so that what a test reads back is what a
// stored record would give.
type Memory struct {
	mu      sync.RWMutex
	entries []Entry
	version map[maint.ID]int64
	keys    map[memoryKey]bool
}

type memoryKey struct {
	id  maint.ID
	key string
}

var _ Log = (*Memory)(nil)

// Append implements Log.
func (m *Memory) Append(_ context.Context, id maint.ID, expected int64, drafts ...Draft) ([]Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	fresh := m.fresh(id, drafts)
	if len(fresh) == 0 {
		return nil, nil
	}
	if expected != AnyVersion && expected != m.version[id] {
		return nil, ErrConflict
	}
	added := make([]Entry, 0, len(fresh))
	for i, d := range fresh {
		e, err := passThroughCodec(d.Event)
		if err != nil {
			return nil, err
		}
		added = append(added, Entry{
			Seq: int64(len(m.entries) + i + 1), Subject: id, Version: m.version[id] + int64(i) + 1,
			Key: d.Key, At: Instant(d.At), Event: e,
		})
	}
	m.keep(id, added)
	return added, nil
}

// fresh leaves out the drafts whose key is known, also when it is known from the same call.
func (m *Memory) fresh(id maint.ID, drafts []Draft) []Draft {
	var out []Draft
	seen := map[string]bool{}
	for _, d := range drafts {
		if d.Key != "" && (m.keys[memoryKey{id, d.Key}] || seen[d.Key]) {
			continue
		}
		seen[d.Key] = true
		out = append(out, d)
	}
	return out
}

func (m *Memory) keep(id maint.ID, added []Entry) {
	if m.version == nil {
		m.version, m.keys = map[maint.ID]int64{}, map[memoryKey]bool{}
	}
	m.entries = append(m.entries, added...)
	m.version[id] += int64(len(added))
	for _, e := range added {
		m.keys[memoryKey{id, e.Key}] = true
	}
}

// Read implements Log.
func (m *Memory) Read(_ context.Context, after int64, limit int) ([]Entry, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	start := min(max(after, 0), int64(len(m.entries)))
	end := min(int(start)+max(limit, 0), len(m.entries))
	return append([]Entry(nil), m.entries[start:end]...), nil
}

// History implements Log.
func (m *Memory) History(_ context.Context, id maint.ID) ([]Entry, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var out []Entry
	for _, e := range m.entries {
		if e.Subject == id {
			out = append(out, e)
		}
	}
	return out, nil
}

func passThroughCodec(e maint.Event) (maint.Event, error) {
	kind, data, err := Encode(e)
	if err != nil {
		return nil, err
	}
	return Decode(kind, data)
}

// Instant is a time as every Log keeps it: UTC, cut to microseconds.
func Instant(t time.Time) time.Time {
	return time.UnixMicro(t.UnixMicro()).UTC()
}
