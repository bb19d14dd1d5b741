package timeline

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/maint"
)

// entryJSON is an entry as commands print it. The event is the codec's, with its kind beside it:
// without that nobody could tell one from another.
type entryJSON struct {
	Seq     int64           `json:"seq"`
	Subject maint.ID        `json:"subject"`
	Version int64           `json:"version"`
	Key     string          `json:"key,omitempty"`
	At      time.Time       `json:"at"`
	Kind    string          `json:"kind"`
	Event   json.RawMessage `json:"event"`
}

// MarshalJSON writes the entry with the kind of its event.
func (e Entry) MarshalJSON() ([]byte, error) {
	kind, data, err := Encode(e.Event)
	if err != nil {
		return nil, err
	}
	return json.Marshal(entryJSON{e.Seq, e.Subject, e.Version, e.Key, e.At, kind, data})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (e *Entry) UnmarshalJSON(b []byte) error {
	var j entryJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("decode an entry: %w", err)
	}
	event, err := Decode(j.Kind, j.Event)
	if err != nil {
		return err
	}
	*e = Entry{j.Seq, j.Subject, j.Version, j.Key, j.At, event}
	return nil
}
