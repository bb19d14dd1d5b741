package httpd

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/lullhq/lull/internal/maint"
)

// The figures are told on a listener of their own, and nowhere else.
func TestMetrics(t *testing.T) {
	t.Parallel()
	w, base := live(t)
	tag := get(t, w, "/").Header().Get("ETag")
	get(t, w, "/", "If-None-Match", tag)
	get(t, w, "/nowhere")
	events := listen(t, base, "/events")
	events.next()
	w.say("pg17", at("04:30"), maint.Updated{Text: "on its way"})
	w.look()
	events.next()
	w.fail(errDown)
	w.look()

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var serving sync.WaitGroup
	serving.Go(func() { w.server.ServeMetrics(ctx, ln) })
	defer serving.Wait()
	defer cancel()
	resp, err := http.Get("http://" + ln.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for _, want := range []string{
		`lull_http_answers_total{kind="file"} 1`, `lull_http_answers_total{kind="not_modified"} 1`, `lull_event_listeners 1`,
		`lull_events_sent_total 1`, `lull_record_read_failures_total 1`, `lull_record_seq 7`, `lull_page_age_seconds 0`,
		`lull_snapshot_pushes_total{outcome="pushed"} 0`, `go_goroutines `,
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s is not told", want)
		}
	}
	if t.Failed() {
		t.Log(string(b))
	}
	if resp.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Error("the metrics have no guards")
	}
	if rec := get(t, w, "/metrics"); rec.Code != http.StatusNotFound {
		t.Errorf("the page's own listener answered %d", rec.Code)
	}
}
