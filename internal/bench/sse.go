package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/pgserver"
)

// SSEOptions are the size of the measurement.
type SSEOptions struct {
	Runs        int
	Connections int
	Self        string // lull
	Peers       string // the program of internal/bench/peers
	Dir         string
	Out         io.Writer
	Figures     string // the file to write
}

const (
	tellings = 5                      // messages of a run; the slowest counts
	settle   = 3 * time.Second        // after everyone has come, before the memory is read
	between  = 500 * time.Millisecond // two messages
)

// hearing is what one run with one server has shown.
type hearing struct {
	last  float64 // ms, to the last listener
	bytes float64 // of the server's memory, for each listener
}

// broadcaster is a server with an event stream.
type broadcaster struct {
	name    string
	start   func(context.Context) (c *child, events string, err error)
	publish func(context.Context) error
}

// SSE measures how long an entry takes from its commit to the last of many listeners, and what a listener costs the server,
// beside a plain hub of net/http and beside the centrifuge library. The listeners are in this process, each server is in one of its own.
func SSE(ctx context.Context, o SSEOptions) error {
	f, err := layFace(ctx, o.Self, filepath.Join(o.Dir, "lull"))
	if err != nil {
		return err
	}
	if err := f.lull(ctx, "incident", "open", "now", "--title", "Search answers slowly", "--text", "We are looking into it."); err != nil {
		return err
	}
	token, err := f.command(ctx, "token", "create", "bench", "--scope", "incidents").Output()
	if err != nil {
		return fmt.Errorf("make a token: %w", err)
	}
	all := []broadcaster{f.broadcaster(strings.TrimSpace(string(token))), peer(o, "hub", ""), peer(o, "centrifuge", `?cf_connect=`+url.QueryEscape(`{"id":1,"connect":{}}`))}
	heard := map[string][]hearing{}
	for n := range o.Runs {
		for i := range all {
			b := all[(i+n)%len(all)] // none is always the first
			h, err := b.measure(ctx, o.Connections)
			if err != nil {
				return fmt.Errorf("%s, run %d: %w", b.name, n+1, err)
			}
			fmt.Fprintf(o.Out, "run %d of %d: %-10s at the last of %d after %.1f ms, %.1f KB each\n", n+1, o.Runs, b.name, o.Connections, h.last, h.bytes/1000)
			heard[b.name] = append(heard[b.name], h)
		}
	}
	rows := sseRows(o.Connections, heard)
	if err := Print(o.Out, rows); err != nil {
		return err
	}
	return Write(o.Figures, rows)
}

func sseRows(n int, heard map[string][]hearing) []Row {
	rows := []Row{{Key: "connections", Title: "connections", Figure: Of([]float64{float64(n)})}}
	for _, x := range []struct{ name, key, title string }{{"lull", "", "Lull"}, {"hub", "hub.", "net/http hub"}, {"centrifuge", "centrifuge.", "centrifuge"}} {
		var last, size []float64
		for _, h := range heard[x.name] {
			last, size = append(last, h.last), append(size, h.bytes)
		}
		rows = append(rows,
			Row{Key: x.key + "last_receiver_ms", Title: x.title + ": to the last listener, ms", Figure: Of(last)},
			Row{Key: x.key + "bytes_per_connection", Title: x.title + ": bytes a connection", Figure: Of(size)})
	}
	return rows
}

func (b broadcaster) measure(ctx context.Context, n int) (h hearing, err error) {
	server, events, err := b.start(ctx)
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	before, err := resident(server.cmd.Process.Pid)
	if err != nil {
		return h, err
	}
	c, err := gather(ctx, events, n, nil)
	if err != nil {
		return h, err
	}
	defer c.close()
	time.Sleep(settle)
	after, err := resident(server.cmd.Process.Pid)
	if err != nil {
		return h, err
	}
	h.bytes = float64(after-before) / float64(n)
	for range tellings {
		d, err := c.tell(ctx, b.publish)
		if err != nil {
			return h, err
		}
		h.last = max(h.last, millis(d))
		time.Sleep(between)
	}
	return h, nil
}

// broadcaster tells an entry of the record, by the API as the peers are told theirs.
func (f *face) broadcaster(token string) broadcaster {
	return broadcaster{
		name: "lull",
		start: func(ctx context.Context) (*child, string, error) {
			err := f.serve(ctx)
			return f.server, f.url + "/events", err
		},
		publish: func(ctx context.Context) error {
			return post(ctx, f.url+"/api/v1/incidents/now/updates", token, `{"text":"`+words+`"}`)
		},
	}
}

// words make the peers' messages as long as Lull's.
const words = "One server is out of memory. It is being taken out, and the others carry its load meanwhile."

const message = `{"seq":42,"subject":"incident/now","kind":"incident_updated","at":"NOW","event":{"status":"investigating","text":"` + words + `"}}`

func peer(o SSEOptions, name, query string) broadcaster {
	var base string
	return broadcaster{
		name: name,
		start: func(ctx context.Context) (*child, string, error) {
			ports, err := pgserver.FreePorts(1)
			if err != nil {
				return nil, "", err
			}
			address := "127.0.0.1:" + strconv.Itoa(ports[0])
			base = "http://" + address
			c, err := start(exec.CommandContext(ctx, o.Peers, name, address), base+"/readyz")
			return c, base + "/events" + query, err
		},
		publish: func(ctx context.Context) error {
			return post(ctx, base+"/publish", "", message)
		},
	}
}

func post(ctx context.Context, to, token, body string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("publish: it answers %s", resp.Status)
	}
	return nil
}
