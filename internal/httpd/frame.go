package httpd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
	"github.com/lullhq/lull/internal/view"
)

// bundle is one event or several, ready for the wire. Only entries of the record have an id: it is
// their Seq, and what a reader resumes from.
type bundle struct {
	last  int64 // id of the last one; 0 when none has one
	frame []byte
}

func (b bundle) with(more bundle) bundle {
	return bundle{last: max(b.last, more.last), frame: append(b.frame, more.frame...)}
}

// said is an entry of the record as its readers get it.
type said struct {
	Seq     int64        `json:"seq"`
	Subject maint.ID     `json:"subject"`
	Kind    string       `json:"kind"`
	At      string       `json:"at"`
	Event   maint.Public `json:"event"` // public words only, by its type
}

func entryEvent(e timeline.PublicEntry) bundle {
	return bundle{last: e.Seq, frame: frame(e.Seq, "entry", said{
		Seq: e.Seq, Subject: e.Subject, Kind: e.Event.Kind(), At: e.At.UTC().Format(time.RFC3339Nano), Event: e.Event,
	})}
}

func bundleOf(entries []timeline.PublicEntry) (b bundle) {
	for _, e := range entries {
		b = b.with(entryEvent(e))
	}
	return b
}

func progressEvent(id maint.ID, p view.Progress) bundle {
	data := map[string]any{"maintenance": id, "text": p.Text, "at": p.At.UTC().Format(time.RFC3339)}
	if p.Known() {
		data["percent"] = p.Percent()
	}
	return bundle{frame: frame(0, "progress", data)}
}

// pageEvent says that the page has changed though the record has not.
func pageEvent() bundle { return bundle{frame: frame(0, "page", map[string]any{})} }

// fetchAll tells a reader that cannot be sent all that it missed to fetch the page, or the JSON, and to go on from there.
func fetchAll(seq int64) bundle {
	return bundle{last: seq, frame: frame(seq, "page", map[string]any{"fetch": true})}
}

// frame writes an event as the HTML standard has it (section 9.2.6). JSON has no
// line breaks outside of its escapes, so one data line is enough.
func frame(id int64, name string, data any) []byte {
	var out bytes.Buffer
	if id > 0 {
		fmt.Fprintf(&out, "id: %d\n", id)
	}
	body, _ := json.Marshal(data) // words, numbers and instants of our own types: cannot go wrong
	fmt.Fprintf(&out, "event: %s\ndata: %s\n\n", name, body)
	return out.Bytes()
}
