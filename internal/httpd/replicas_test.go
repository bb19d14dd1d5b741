package httpd

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Two servers read the same record at moments of their own and answer with the same bytes, or a
// reader whom a balancer sends from one to the other would fetch everything again each time.
func TestServersOfOneRecordAgree(t *testing.T) {
	t.Parallel()
	compared := 0
	for _, story := range stories {
		if story.name == "stale" { // each says how long it has been blind itself
			continue
		}
		first, second := newWorld(t, story.now), newWorld(t, story.now.Add(3*time.Second))
		for _, w := range []*world{first, second} {
			story.tell(w)
			w.server.refresh(t.Context())
		}
		one, other := first.server.snap.Load(), second.server.snap.Load()
		if one.due(second.now) {
			continue // time has made another page of it
		}
		for path, variants := range one.files {
			for i, f := range variants {
				a, errA := f.body()
				b, errB := other.files[path][i].body()
				if errA != nil || errB != nil {
					t.Fatal(path, errA, errB)
				}
				if a.etag != b.etag {
					t.Errorf("%s, %s differs:\n%s", story.name, path, cmp.Diff(string(a.bytes), string(b.bytes)))
				}
				compared++
			}
		}
	}
	if compared < len(stories) {
		t.Errorf("only %d files were compared", compared)
	}
}
