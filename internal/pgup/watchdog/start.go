package watchdog

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup/gate"
)

// Watchdog is the controller's end. When the process at the other end dies or falls
// silent, the controller ends it for good, and then does what it would have done.
type Watchdog struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	spare   gate.Gate // opened before the hold: the pooler may let nobody in during it
	source  *source
	target  *target
	console time.Duration
	spec    Spec
	replies chan reply
	heard   atomic.Pointer[time.Time] // when the watchdog last gave a sign of life, whatever is done to the clock
	dead    chan struct{}
	settled chan struct{}
	exited  chan struct{}
	stop    context.CancelFunc

	writeMu sync.Mutex // heartbeats and requests share the pipe
	callMu  sync.Mutex // one request at a time

	mu    sync.Mutex
	n     int   // of the last request
	state state // as the last reply said, or leaving while a request is under way
	marks []gate.Mark
	err   error // of taking over
}

// NewHolder names the sessions of one more controller of a maintenance. The server cuts
// names off at 63 bytes, so what is long must not come first.
func NewHolder(maintenance string) (holder, holders string) {
	holders = fmt.Sprintf("lull hold %08x ", crc32.ChecksumIEEE([]byte(maintenance)))
	return holders + rand.Text(), holders
}

// Start starts the watchdog, as "self watchdog", in a session of its own, and returns
// when everything that can be done before a hold has been done.
func Start(ctx context.Context, self string, spec Spec) (*Watchdog, error) {
	ctx, cancel := context.WithTimeout(ctx, getReady)
	defer cancel()
	w := &Watchdog{spec: spec, source: newSource(spec), target: newTarget(spec), replies: make(chan reply),
		dead: make(chan struct{}), settled: make(chan struct{}), exited: make(chan struct{}), n: 1, state: idle}
	if err := w.openSpare(ctx); err != nil {
		return nil, err
	}
	if err := w.spawn(self); err != nil {
		w.closeSpare()
		return nil, err
	}
	if err := w.send(spec); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	if err := w.ready(ctx); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	beats, stop := context.WithCancel(context.Background())
	w.stop = stop
	go w.beat(beats)
	return w, nil
}

func (w *Watchdog) openSpare(ctx context.Context) (err error) {
	if w.spare, err = w.spec.gates(nil); err != nil {
		return err
	}
	if _, err = w.spare.Where(ctx); err == nil {
		asked := time.Now()
		_, err = w.spare.Where(ctx)
		w.console = time.Since(asked) / 2 // it asks two questions
	}
	if err == nil {
		err = errors.Join(w.source.connect(ctx), w.target.connect(ctx))
	}
	if err != nil {
		w.closeSpare()
	}
	return err
}

func (w *Watchdog) closeSpare() {
	w.spare.Close()
	w.source.close()
	w.target.close()
}

// spawn puts the process into a session of its own: what is sent to the terminal's or
// the controller's process group does not reach it.
func (w *Watchdog) spawn(self string) error {
	log, err := os.OpenFile(w.spec.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open the watchdog's log: %w", err)
	}
	defer log.Close()
	w.cmd = exec.Command(self, "watchdog")
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	w.cmd.Stderr = log
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		return fmt.Errorf("start the watchdog: %w", err)
	}
	// Not StdoutPipe, which Wait would close under the reader.
	out, theirs, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("start the watchdog: %w", err)
	}
	w.cmd.Stdout = theirs
	if err := w.cmd.Start(); err != nil {
		out.Close()
		theirs.Close()
		return fmt.Errorf("start the watchdog: %w", err)
	}
	theirs.Close()
	go func() {
		// How it ended does not matter: what it did is in the pooler and in its record.
		_ = w.cmd.Wait()
		close(w.exited)
	}()
	go w.read(out)
	return nil
}

func (w *Watchdog) ready(ctx context.Context) error {
	select {
	case r := <-w.replies:
		return r.err()
	case <-w.dead:
		return hint.Errorf("see "+w.spec.Log, "the watchdog ended before it was ready")
	case <-ctx.Done():
		return fmt.Errorf("wait for the watchdog: %w", ctx.Err())
	}
}

func (w *Watchdog) send(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("ask the watchdog: %w", err)
	}
	w.writeMu.Lock()
	defer w.writeMu.Unlock()
	if _, err := w.in.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("ask the watchdog: %w", err)
	}
	return nil
}

func (w *Watchdog) read(out io.ReadCloser) {
	defer out.Close()
	lines := json.NewDecoder(bufio.NewReader(out))
	for {
		var r reply
		if err := lines.Decode(&r); err != nil {
			w.lose()
			return
		}
		now := time.Now()
		w.heard.Store(&now)
		if r.N == 0 {
			continue
		}
		select {
		case w.replies <- r:
		case <-w.dead:
		}
	}
}

// beat gives signs of life and looks for those of the watchdog. It looks twice: after a
// stop of this process the replies of a healthy watchdog are read only now.
func (w *Watchdog) beat(ctx context.Context) {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for strikes := 0; strikes < 2; {
		select {
		case <-ctx.Done():
			return
		case <-w.dead:
			return
		case <-tick.C:
		}
		if time.Since(*w.heard.Load()) > silence {
			strikes++
		} else {
			strikes = 0
		}
		if err := w.send(request{Do: doBeat}); err != nil {
			strikes = 2
		}
	}
	w.lose()
}

// lose takes over from a watchdog that is dead or silent. It is killed first: what is
// dead for certain cannot act any more.
func (w *Watchdog) lose() {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.dead:
		return
	default:
	}
	close(w.dead)
	was := w.state
	go func() {
		defer close(w.settled)
		s, err := w.takeOver(was)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.state, w.err = s, err
	}()
}

func (w *Watchdog) takeOver(was state) (state, error) {
	if err := w.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return ended, fmt.Errorf("end the silent watchdog: %w", err)
	}
	<-w.exited
	switch was {
	case idle:
		return released, nil
	case held, leaving:
	default:
		return was, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), insist)
	defer cancel()
	file, err := openRecord(ctx, w.spec.Record)
	if err != nil {
		return ended, err
	}
	defer file.close()
	side, err := persist(ctx, w.spare, w.source.openAlone)
	if side == gate.Source {
		w.target.shutOnce(ctx, file, holders{name: w.spec.Holder})
	}
	file.add(Event{What: Settled, Side: side, Why: "the watchdog died. " + text(err)})
	err = errors.Join(err, file.sync())
	switch side {
	case gate.Source:
		return released, err
	case gate.Target:
		return committed, err
	}
	return ended, err
}

// begin gives a request its number, unless there is nobody left to ask.
func (w *Watchdog) begin(r *request) (alive bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.dead:
		return false
	default:
	}
	w.n++
	r.N = w.n
	if r.Do == doHold || w.state == held {
		w.state = leaving
	}
	return true
}

// call makes one request. How it ended is known when it returns: from the reply, or by looking.
func (w *Watchdog) call(r request) (state, error) {
	w.callMu.Lock()
	defer w.callMu.Unlock()
	if !w.begin(&r) {
		return w.outcome()
	}
	if err := w.send(r); err != nil {
		w.lose()
	}
	select {
	case r := <-w.replies:
		w.mu.Lock()
		defer w.mu.Unlock()
		w.state, w.marks = r.State, r.Marks
		return r.State, r.err()
	case <-w.dead:
		return w.outcome()
	}
}

func (w *Watchdog) outcome() (state, error) {
	<-w.settled
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state == released {
		return w.state, errors.Join(fmt.Errorf("%w: the watchdog died", ErrReleased), w.err)
	}
	return w.state, w.err
}

// Hold holds the clients for a while at most, until Commit or Release. It returns when no
// transaction is running any more. The end of ctx gives the attempt up. On an error that
// is ErrReleased all is as it was before.
func (w *Watchdog) Hold(ctx context.Context, within time.Duration) error {
	stop := context.AfterFunc(ctx, func() { _ = w.send(request{Do: doRelease}) }) // the call below tells how it ends
	defer stop()
	s, err := w.call(request{Do: doHold, WithinMS: within.Milliseconds()})
	if err == nil && s != held {
		err = fmt.Errorf("hold the clients: the watchdog is %s", s)
	}
	if err == nil && ctx.Err() != nil {
		err = errors.Join(ErrReleased, ctx.Err(), w.Release())
	}
	return err
}

// Commit sends the clients to the target. Once asked it is not given up. An error that
// is ErrReleased says that they are on the source; after any other use Settle.
func (w *Watchdog) Commit() error { return w.CommitWith(nil) }

// CommitWith also gives what the watchdog is to write down: whoever comes next puts it on
// record when this process cannot.
func (w *Watchdog) CommitWith(proof json.RawMessage) error {
	s, err := w.call(request{Do: doCommit, Proof: proof})
	if err == nil && s != committed {
		return fmt.Errorf("send the clients to the target: the watchdog is %s", s)
	}
	return err
}

// Release lets the clients go on at the source. It may be called when they are there already.
func (w *Watchdog) Release() error {
	s, err := w.call(request{Do: doRelease})
	if errors.Is(err, ErrReleased) {
		return nil
	}
	if err == nil && s == committed {
		return errors.New("let the clients go on at the source: they are on the target")
	}
	return err
}

// Console is how long the poolers took for one question, before the hold.
func (w *Watchdog) Console() time.Duration { return w.console }

// Marks are the moments of the holds so far.
func (w *Watchdog) Marks() []gate.Mark {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.marks
}

// Close ends the watchdog. Clients that are still held go on at the source. It does not
// wait for the process, which tidies up for a second.
func (w *Watchdog) Close() (err error) {
	if w.stop != nil {
		w.mu.Lock()
		was := w.state
		w.mu.Unlock()
		if was == held {
			err = w.Release()
		}
		w.stop()
	}
	w.mu.Lock()
	w.state = ended // what follows is no loss
	w.mu.Unlock()
	w.in.Close()
	w.closeSpare()
	return err
}
