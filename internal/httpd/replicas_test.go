package httpd

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/maint"
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
			w.look()
		}
		one, other := first.server.snap.Load(), second.server.snap.Load()
		if one.due(second.now) {
			continue // time has made another page of it
		}
		for path, a := range one.files {
			for i, f := range a.variants {
				x, errX := f.Render()
				y, errY := other.files[path].variants[i].Render()
				if errX != nil || errY != nil {
					t.Fatal(path, errX, errY)
				}
				if !bytes.Equal(x, y) {
					t.Errorf("%s, %s differs:\n%s", story.name, path, cmp.Diff(string(x), string(y)))
				}
				compared++
			}
		}
	}
	if compared < len(stories) {
		t.Errorf("only %d files were compared", compared)
	}
}

// lookWhenAwaited reads the record each time that a reader waits for it.
func (w *world) lookWhenAwaited(times int) {
	for range times {
		for waiting := false; !waiting; time.Sleep(time.Millisecond) {
			w.server.reads.mu.Lock()
			waiting = w.server.reads.next != nil
			w.server.reads.mu.Unlock()
		}
		w.look()
	}
}

// A reader comes from another server, which has shown an entry that this one has not read yet.
func TestAReaderIsAhead(t *testing.T) {
	t.Parallel()
	w, base := live(t)
	w.say("pg17", at("04:30"), maint.Updated{Text: "seen elsewhere"})
	ahead := fmt.Sprint(w.server.snap.Load().seq() + 1)
	go w.lookWhenAwaited(1)
	r := listen(t, base, "/events", "Last-Event-ID", ahead)
	if greeting := r.next(); !strings.HasSuffix(greeting, "id: "+ahead) {
		t.Errorf("greeted with %s", greeting)
	}
	w.say("pg17", at("04:31"), maint.Updated{Text: "news"})
	w.look()
	if got := r.next(); strings.HasPrefix(got, "id: "+ahead) || !strings.Contains(got, "event: entry") {
		t.Errorf("after %s came %s", ahead, got)
	}
	// While the record cannot be read nobody can tell: it keeps what it has, and is sent away to ask again.
	w.fail(errDown)
	r = listen(t, base, "/events", "Last-Event-ID", "9000")
	if greeting := r.next(); !strings.HasSuffix(greeting, "id: 9000") {
		t.Errorf("greeted with %s", greeting)
	}
	if rest, err := io.ReadAll(r.body); err != nil || len(rest) > 0 {
		t.Errorf("and then %q, %v", rest, err)
	}
}
