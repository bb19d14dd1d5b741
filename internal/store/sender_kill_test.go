package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/timeline"
)

const mailed = 40 // recipients of the notice whose sender is killed

// recipients are the same in every life.
func recipients() (out notify.Book) {
	for i := range mailed {
		out = append(out, notify.Address{Channel: "c", Recipient: fmt.Sprintf("r%02d", i)})
	}
	return out
}

// asking is a channel that asks an address for each message.
type asking struct {
	url   string
	knows bool
}

func (a asking) Knows() bool { return a.knows }

func (a asking) Send(ctx context.Context, m notify.Message) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url, bytes.NewBufferString(m.To.Recipient))
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("%w: %w", notify.ErrUnanswered, err)
	}
	return answer.Body.Close()
}

// sendNotices is a process that sends whatever is due.
func sendNotices() int {
	ctx := context.Background()
	s, err := openAt(ctx, os.Getenv("LULL_TEST_PLACE"))
	if err == nil {
		lease, acquired := s.Acquire(ctx, "serve/notices")
		sender := &notify.Sender{
			Queue: s, Channels: map[string]notify.Channel{"c": asking{os.Getenv("LULL_TEST_URL"), os.Getenv("LULL_TEST_KNOWS") == "true"}}, Book: recipients(),
			Words: notify.Words{Page: "https://status.example.com"}, Now: time.Now, Jitter: rand.Float64, Pause: func(context.Context, time.Duration) {}, Log: slog.New(slog.DiscardHandler),
		}
		err = errors.Join(acquired, sender.Work(ctx, lease), s.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// mailbox counts what comes, and kills whoever sends at the moments that are due: before the answer, or just after it.
type mailbox struct {
	mu     sync.Mutex
	came   map[string]int
	sender *exec.Cmd
	left   int // messages until it kills; below 0 it does not
	after  bool
}

func (b *mailbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	who, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.came[string(who)]++
	if b.left--; b.left != 0 {
		return
	}
	if b.after {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
	}
	_ = b.sender.Process.Kill()
}

// testKillTheSender kills a real sender with SIGKILL in the middle of its work, again and again. Nobody is left out. Where
// the other side cannot tell, at most one message a life comes twice, and each of those is marked.
func testKillTheSender(t *testing.T, h home) {
	for _, knows := range []bool{true, false} {
		t.Run(fmt.Sprintf("knows %v", knows), func(t *testing.T) {
			t.Parallel()
			killTheSender(t, h, knows)
		})
	}
}

func killTheSender(t *testing.T, h home, knows bool) {
	place := h.place(t)
	s := h.open(t, place)
	s.Tell(recipients())
	plan := maint.Scheduled{Title: "t", Summary: "s", Window: maint.Window{Start: "2026-12-05 17:00", Zone: "UTC", Allow: time.Hour}, Notices: []string{"7d"}}
	at := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	if _, err := s.Append(t.Context(), "m", 0, timeline.Draft{At: at, Event: plan}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Writer().ExecContext(t.Context(), `UPDATE deliveries SET due = 0`); err != nil { // whatever the clock of this machine says
		t.Fatal(err)
	}
	box := &mailbox{came: map[string]int{}}
	server := httptest.NewServer(box)
	defer server.Close()
	random := rand.New(rand.NewPCG(7, 7))
	lives := 1
	for ; !aLife(t, box, place, server.URL, knows, lives, random); lives++ {
	}
	doubled, marked := 0, 0
	list, err := s.Deliveries(t.Context(), notify.Page{})
	if err != nil || len(list) != mailed {
		t.Fatalf("%d deliveries, %v", len(list), err)
	}
	for _, d := range list {
		n := box.came[d.Recipient]
		if d.State != notify.Sent || n == 0 {
			t.Errorf("%s: %s, came %d times", d.Recipient, d.State, n)
		}
		if d.Twice {
			marked++
		} else if n > 1 && !knows {
			t.Errorf("%s: came %d times, and that is not marked", d.Recipient, n)
		}
		doubled += n - 1
	}
	t.Logf("%d lives, %d came again, %d marked", lives, doubled, marked)
	switch {
	case lives < 3:
		t.Error("nobody was killed")
	case !knows && (doubled > lives-1 || marked > lives-1):
		t.Errorf("%d came twice and %d are marked in %d lives", doubled, marked, lives)
	case knows && marked > 0:
		t.Errorf("%d are marked although the other side knows", marked)
	}
}

// aLife sends until it is killed, and says whether it came to its end before that.
func aLife(t *testing.T, box *mailbox, place, url string, knows bool, life int, random *rand.Rand) bool {
	t.Helper()
	cmd := process(t.Context(), "send", place, "")
	cmd.Env = append(cmd.Env, "LULL_TEST_URL="+url, fmt.Sprintf("LULL_TEST_KNOWS=%v", knows))
	cmd.Stderr = os.Stderr
	box.mu.Lock()
	box.sender, box.left, box.after = cmd, 1+random.IntN(12), random.IntN(2) == 0
	if life > 5 {
		box.left = -1
	}
	err := cmd.Start()
	box.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	return cmd.Wait() == nil
}
