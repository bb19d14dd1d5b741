package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/notify/email"
	"github.com/lullhq/lull/internal/store"
	"github.com/lullhq/lull/internal/timeline"
)

// MailOptions are the size of the measurement.
type MailOptions struct {
	Runs    int
	Mails   int
	Self    string // this program, which is the sender of each life as well
	Dir     string
	Out     io.Writer
	Figures string // the file to write
}

// MailSend is the word that makes this program the one that sends.
const MailSend = "mail-send"

// sending is what the sender of one life is told.
type sending struct {
	Store string `json:"store"`
	To    string `json:"to"` // host:port, or an address of the web
	Count int    `json:"count"`
}

const mailChannel = "customers"

// Mail measures how fast one notice goes to many people by mail, with the sender killed in the middle. The mail server is a
// real one (go-smtp) in this process; the sender is a process of its own, with the real queue in a file that is flushed to disk.
func Mail(ctx context.Context, o MailOptions) error {
	var all []mailed
	for n := range o.Runs {
		r, err := mailOnce(ctx, o, filepath.Join(o.Dir, fmt.Sprint("run", n)))
		if err != nil {
			return fmt.Errorf("run %d: %w", n+1, err)
		}
		fmt.Fprintf(o.Out, "run %d of %d: %d mails in %.1f s, killed at %d; %d lost, %d doubled, %d came again with the same Message-ID\n", n+1, o.Runs, o.Mails, r.Took.Seconds(), r.KilledAt, r.Lost, r.Doubled, r.Again)
		all = append(all, r)
	}
	rows := []Row{
		columnOf(all, "mails_per_s", "mails a second", func(r mailed) float64 { return float64(o.Mails) / r.Took.Seconds() }),
		columnOf(all, "took_s", "took, s", func(r mailed) float64 { return r.Took.Seconds() }),
		columnOf(all, "lost", "lost", func(r mailed) float64 { return float64(r.Lost) }),
		columnOf(all, "doubled", "doubled", func(r mailed) float64 { return float64(r.Doubled) }),
		columnOf(all, "came_again", "came again, same Message-ID", func(r mailed) float64 { return float64(r.Again) }),
		columnOf(all, "marked", "marked as perhaps twice", func(r mailed) float64 { return float64(r.Marked) }),
	}
	if err := Print(o.Out, rows); err != nil {
		return err
	}
	return Write(o.Figures, rows)
}

// mailed is what came of one run.
type mailed struct {
	Took     time.Duration // from the start of the first sender to the last mail, with the kill and the new start
	KilledAt int
	Lost     int // recipients without a mail
	Doubled  int // recipients with two mails that no mailbox can tell for one
	Again    int // mails that came again with the same Message-ID: handed over, and not written down before the kill
	Marked   int // deliveries that are marked: one of them may have come twice
}

func mailOnce(ctx context.Context, o MailOptions, dir string) (r mailed, err error) {
	if err := os.RemoveAll(dir); err != nil {
		return r, err
	}
	s, err := manyDeliveries(ctx, filepath.Join(dir, "lull.db"), mailBook(o.Mails))
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	sink := &sink{came: map[string]map[string]int{}, half: make(chan struct{}), at: o.Mails / 2}
	stop, addr, err := sink.serve(ctx)
	if err != nil {
		return r, err
	}
	defer stop()
	began := time.Now()
	if r.KilledAt, err = twoLives(ctx, o.Self, MailSend, sending{filepath.Join(dir, "lull.db"), addr, o.Mails}, sink.half, sink.count); err != nil {
		return r, err
	}
	r.Took = sink.last.Sub(began)
	for _, ids := range sink.came {
		if len(ids) > 1 {
			r.Doubled++
		}
		for _, n := range ids {
			r.Again += n - 1
		}
	}
	r.Lost = o.Mails - len(sink.came)
	list, err := s.Deliveries(ctx, notify.Page{})
	for _, d := range list {
		if d.State != notify.Sent {
			return r, fmt.Errorf("delivery %d is %s: %s", d.ID, d.State, d.Reason)
		}
		if d.Twice {
			r.Marked++
		}
	}
	return r, err
}

// twoLives runs a sender, kills it with SIGKILL in the middle, and lets another one end the work.
func twoLives(ctx context.Context, self, word string, what sending, half <-chan struct{}, count func() int) (killedAt int, err error) {
	told, err := json.Marshal(what)
	if err != nil {
		return 0, err
	}
	life := func() (*exec.Cmd, error) {
		cmd := exec.CommandContext(ctx, self, word)
		cmd.Stdin, cmd.Stderr = bytes.NewReader(told), os.Stderr
		err := cmd.Start()
		return cmd, err
	}
	first, err := life()
	if err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- first.Wait() }()
	select {
	case <-half:
	case err := <-ended:
		return 0, fmt.Errorf("the sender ended before the middle: %w", errors.Join(err, ctx.Err()))
	}
	if err := first.Process.Kill(); err != nil {
		return 0, err
	}
	if err := <-ended; err == nil {
		return 0, errors.New("the sender ended before it was killed")
	}
	killedAt = count()
	second, err := life()
	if err != nil {
		return 0, err
	}
	return killedAt, second.Wait()
}

func mailBook(n int) (out notify.Book) {
	for i := range n {
		out = append(out, notify.Address{Channel: mailChannel, Recipient: fmt.Sprintf("person%06d@example.org", i)})
	}
	return out
}

// manyDeliveries makes a store in which one notice is due for everybody.
func manyDeliveries(ctx context.Context, path string, book notify.Book) (*store.Store, error) {
	s, err := store.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	s.Tell(book)
	start := time.Now().AddDate(0, 0, 3).UTC()
	plan := maint.Scheduled{
		Title: "Database upgrade", Summary: "We move our database to PostgreSQL 17. Your sites stay up; the app pauses for less than a second.",
		Window: maint.Window{Start: start.Format(maint.WallLayout), Zone: "UTC", Allow: 2 * time.Hour}, Components: map[string]maint.Impact{"app": maint.UnderMaintenance}, Notices: []string{"7d"},
	}
	if _, err := s.Append(ctx, "postgres-17", 0, timeline.Draft{At: time.Now().UTC(), Event: plan}); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// RunMail is the sender of one life: it reads what to do, and ends when nothing is left.
func RunMail(ctx context.Context, in io.Reader) error {
	var w sending
	if err := json.NewDecoder(in).Decode(&w); err != nil {
		return fmt.Errorf("read what to do: %w", err)
	}
	host, port, err := net.SplitHostPort(w.To)
	if err != nil {
		return err
	}
	m := &email.Mailer{From: "Example status <status@example.com>", Server: email.Server{Host: host, TLS: "none", Dial: (&net.Dialer{}).DialContext}}
	if _, err := fmt.Sscan(port, &m.Server.Port); err != nil {
		return err
	}
	return sendAll(ctx, w.Store, notify.Sender{Channels: map[string]notify.Channel{mailChannel: m}, Book: mailBook(w.Count)})
}

// sendAll sends what is due from a store as lull serve does.
func sendAll(ctx context.Context, path string, sender notify.Sender) (err error) {
	s, err := store.Open(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	lease, err := s.Acquire(ctx, "serve/notices")
	if err != nil {
		return err
	}
	sender.Queue, sender.Now, sender.Jitter, sender.Pause = s, time.Now, rand.Float64, wait
	sender.Words = notify.Words{Organization: "Example", Page: "https://status.example.com", Language: "en"}
	sender.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	for {
		if err := sender.Work(ctx, lease); err != nil {
			return err
		}
		left, err := s.Deliveries(ctx, notify.Page{States: []notify.State{notify.Waiting, notify.Sending}, Most: 1})
		if err != nil || len(left) == 0 {
			return err
		}
		wait(ctx, time.Second)
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// sink is a mail server that keeps who got which Message-ID how often.
type sink struct {
	mu    sync.Mutex
	came  map[string]map[string]int
	total int
	at    int
	half  chan struct{} // closed when the middle is reached
	last  time.Time     // when the newest mail came
}

func (s *sink) serve(ctx context.Context) (stop func(), addr string, err error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &taking{sink: s}, nil }))
	server.Domain, server.ErrorLog = "localhost", log.New(io.Discard, "", 0) // of connections whose client was killed
	go func() { _ = server.Serve(l) }()
	return func() { _ = server.Close() }, l.Addr().String(), nil
}

func (s *sink) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

func (s *sink) keep(to, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.came[to] == nil {
		s.came[to] = map[string]int{}
	}
	s.came[to][id]++
	s.last = time.Now()
	if s.total++; s.total == s.at {
		close(s.half)
	}
}

// taking is one conversation.
type taking struct {
	sink *sink
	to   string
}

func (*taking) Mail(string, *smtp.MailOptions) error { return nil }
func (*taking) Logout() error                        { return nil }
func (t *taking) Reset()                             { t.to = "" }
func (t *taking) Rcpt(to string, _ *smtp.RcptOptions) error {
	t.to = to
	return nil
}

func (t *taking) Data(r io.Reader) error {
	lines := bufio.NewReader(r)
	id := ""
	for {
		line, err := lines.ReadString('\n')
		if rest, found := strings.CutPrefix(line, "Message-ID: "); found && id == "" {
			id = strings.TrimSpace(rest)
		}
		if line == "\r\n" || err != nil {
			break
		}
	}
	if _, err := io.Copy(io.Discard, lines); err != nil {
		return err
	}
	if id == "" {
		return &smtp.SMTPError{Code: 554, Message: "no Message-ID"}
	}
	t.sink.keep(t.to, id)
	return nil
}
