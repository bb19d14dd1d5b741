package timeline_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/timeline"
	"github.com/lullhq/lull/internal/timeline/logtest"
)

func TestEntriesKeepTheirKindInJSON(t *testing.T) {
	t.Parallel()
	var want []timeline.Entry
	for i, e := range logtest.Events() {
		want = append(want, timeline.Entry{Seq: int64(i + 7), Subject: "postgres-17", Version: int64(i + 1), Key: "k", At: time.Date(2026, 12, 5, 4, 0, i, 1000, time.UTC), Event: e})
	}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got []timeline.Entry
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func FuzzUnmarshalEntry(f *testing.F) {
	f.Add([]byte(`{"seq":1,"subject":"m","version":1,"at":"2026-12-05T04:00:00Z","kind":"noted","event":{"step":"s","text":"t"}}`))
	f.Add([]byte(`{"kind":"none","event":{}}`))
	f.Add([]byte(`{"kind":"noted"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var e timeline.Entry
		if json.Unmarshal(b, &e) != nil {
			return
		}
		data, err := json.Marshal(e)
		if err != nil {
			return // an instant that JSON cannot hold
		}
		var again timeline.Entry
		if err := json.Unmarshal(data, &again); err != nil {
			t.Errorf("%s: %v", data, err)
		}
	})
}
