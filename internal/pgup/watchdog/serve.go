package watchdog

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup/gate"
	"github.com/lullhq/lull/internal/priority"
)

// Serve is the process: it speaks the protocol on in and out until in ends. Only before
// it is ready does the end of ctx end it.
func Serve(ctx context.Context, in io.Reader, out, log io.Writer) error {
	deaf()
	return newServer(out, log).serve(ctx, in)
}

// deaf makes the end of the input the only thing that ends the watchdog. What is sent to
// the controller and all around it, by a terminal or by systemd, must not end it while
// clients are held, nor a write to the pipe of a controller that is dead.
func deaf() {
	priority.Raise() // for its whole life: it does little, and clients wait for it
	signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM)
}

func newServer(out, log io.Writer) *server {
	s := &server{log: slog.New(slog.NewJSONHandler(log, nil)), out: json.NewEncoder(out), requests: make(chan request, 8), state: idle, n: 1}
	s.gates = func(spec Spec) (gate.Gate, error) { return spec.gates(s.mark) }
	return s
}

type server struct {
	log    *slog.Logger
	gates  func(Spec) (gate.Gate, error)
	marked func(name string) // for tests: told of every mark

	outMu sync.Mutex
	out   *json.Encoder

	markMu sync.Mutex
	marks  []gate.Mark

	requests chan request
	lease    lease
	gate     gate.Gate
	source   *source
	target   *target
	record   *record
	holder   string
	state    state
	n        int // of the request being handled
}

func (s *server) serve(ctx context.Context, in io.Reader) error {
	lines := json.NewDecoder(bufio.NewReader(in))
	var spec Spec
	if err := lines.Decode(&spec); err != nil {
		return fmt.Errorf("read what to watch: %w", err)
	}
	defer s.close()
	if err := s.prepare(ctx, spec); err != nil {
		s.answer(err)
		return err
	}
	s.answer(nil)
	s.note(Event{What: Ready})
	go s.read(lines)
	// From here on a hold may be in force: nothing may end it but the protocol.
	for calm := context.WithoutCancel(ctx); s.state != ended; {
		s.handle(calm)
	}
	return s.record.sync()
}

// prepare does everything that can be done before anyone is held.
func (s *server) prepare(ctx context.Context, spec Spec) (err error) {
	ctx, cancel := context.WithTimeout(ctx, getReady)
	defer cancel()
	if s.record, err = openRecord(ctx, spec.Record); err != nil {
		return err
	}
	s.source, s.target, s.holder = newSource(spec), newTarget(spec), spec.Holder
	if err := errors.Join(s.source.connect(ctx), s.target.connect(ctx)); err != nil {
		return err
	}
	if s.gate, err = s.gates(spec); err != nil {
		return err
	}
	s.log.Info("watching", "spec", spec)
	return s.gate.Stage(ctx)
}

func (s *server) close() {
	if s.gate != nil {
		s.gate.Close()
	}
	if s.source != nil {
		s.source.close()
		s.target.close()
	}
	if s.record != nil {
		s.record.close()
	}
}

// read passes requests on. Heartbeats it answers itself, whatever else is going on.
func (s *server) read(lines *json.Decoder) {
	defer close(s.requests)
	for {
		var r request
		if err := lines.Decode(&r); err != nil {
			s.lease.end(errGone)
			return
		}
		s.lease.beat()
		switch r.Do {
		case doBeat:
			s.write(reply{})
			continue
		case doRelease:
			s.lease.end(errAsked) // a hold that still drains is given up
		}
		s.requests <- r
	}
}

// handle waits for the next event and does what it asks for.
func (s *server) handle(ctx context.Context) {
	var over <-chan struct{}
	if s.state == held {
		over = s.lease.ctx.Done()
	}
	select {
	case r, open := <-s.requests:
		why := s.lease.over(time.Now())
		switch {
		case !open:
			s.step(ctx, gone, r)
		case s.state == held && r.Do != doRelease && why != nil:
			s.step(ctx, lost, r)
			s.answer(why)
		default:
			s.step(ctx, event(r.Do), r)
		}
	case <-over:
		s.step(ctx, lost, request{})
	}
}

// step makes one transition of the table, and those that follow from its action.
func (s *server) step(ctx context.Context, e event, r request) {
	from := s.state
	s.n = r.N
	var do action
	s.state, do = next(from, e)
	switch do {
	case hold:
		s.hold(ctx, r)
	case commit:
		s.commit(ctx, r)
	case goBack:
		s.goBack(ctx, e)
	case refuse:
		s.answer(fmt.Errorf("refuse to %s: the watchdog is %s", e, from))
		return
	}
	if e == askedRelease || do == nothing && e == askedCommit {
		s.answer(nil)
	}
}

func (s *server) hold(ctx context.Context, r request) {
	lease := s.lease.begin(ctx, time.Duration(r.WithinMS)*time.Millisecond)
	err := s.gate.Hold(lease)
	if err == nil {
		err = s.lease.over(time.Now())
	}
	if err == nil {
		s.state, _ = next(s.state, drained)
		s.answer(nil)
		s.note(Event{What: Held, Marks: s.taken()})
		return
	}
	if cause := s.lease.over(time.Now()); cause != nil && !errors.Is(err, cause) {
		err = errors.Join(cause, err)
	}
	s.state, _ = next(s.state, lost)
	// The controller waits for this answer, so it has closed no fence and will close none.
	s.leave(ctx, err, s.source.open, nil)
	s.answer(err)
}

// commit is the decision. It is not given up half way: what fails is looked at.
func (s *server) commit(ctx context.Context, r request) {
	s.lease.end(errAsked)
	limited, cancel := context.WithTimeout(ctx, insist)
	defer cancel()
	if err := s.gate.Commit(limited); err != nil {
		s.leave(ctx, err, s.source.open, nil)
		if s.state == committed {
			err = nil
		}
		s.answer(err)
		return
	}
	s.state, _ = next(s.state, onTarget)
	s.answer(nil)
	s.note(Event{What: Committed, Side: gate.Target, Marks: s.taken(), Proof: r.Proof})
	s.sync()
}

// goBack ends the hold. A controller that did not ask for it may come back to life and
// must find nothing to act with.
func (s *server) goBack(ctx context.Context, e event) {
	why, open, end := s.lease.over(time.Now()), s.source.openAlone, &holders{name: s.holder}
	if e == askedRelease || errors.Is(why, errAsked) {
		why, open, end = errAsked, s.source.open, nil
	}
	s.lease.end(why)
	s.leave(ctx, why, open, end)
}

// leave looks where the clients are to go, and insists that they do. The target is closed
// when they go, and before anybody is told of it.
func (s *server) leave(ctx context.Context, why error, open func(context.Context) error, end *holders) {
	limited, cancel := context.WithTimeout(ctx, insist)
	defer cancel()
	side, err := persist(limited, s.gate, open)
	at := time.Now()
	s.log.Warn("the hold has ended", "side", side, "why", errors.Join(why, err))
	if side == gate.Source {
		s.shut(ctx, end)
	}
	s.arrive(at, side, errors.Join(why, err))
}

// shut closes the target. One that cannot be reached for now is closed as soon as it can be,
// for as long as this process lives: that is as long as a controller that was stopped.
func (s *server) shut(ctx context.Context, end *holders) {
	limited, cancel := context.WithTimeout(ctx, tidying)
	defer cancel()
	err := s.target.shut(limited, end)
	if err == nil {
		return
	}
	s.log.Warn("the target is not closed yet", "why", err)
	s.note(Event{What: Open, Side: gate.Target, Why: text(err)})
	s.sync()
	if end == nil {
		return // the controller lives, and looks itself before it tries again
	}
	again := &target{session: s.target.session, spec: s.target.spec}
	again.conn = nil
	go func() {
		defer again.close()
		for again.shut(ctx, end) != nil {
			time.Sleep(silence)
		}
		s.log.Info("the target is closed")
	}()
}

// arrive enters the state of the side that the clients are on now.
func (s *server) arrive(at time.Time, side gate.Side, why error) {
	e, what := stuck, Stuck
	switch side {
	case gate.Source:
		e, what = onSource, Released
	case gate.Target:
		e, what = onTarget, Committed
	}
	s.state, _ = next(s.state, e)
	s.note(Event{At: at, What: what, Side: side, Why: text(why), Marks: s.taken()})
	s.sync()
}

func (s *server) answer(err error) {
	r := reply{N: s.n, State: s.state, Marks: s.taken()}
	if err != nil {
		r.Error, r.Hint = err.Error(), hint.Of(err)
	}
	s.write(r)
}

func (s *server) write(r reply) {
	s.outMu.Lock()
	defer s.outMu.Unlock()
	// Nobody may be left to read it.
	_ = s.out.Encode(r)
}

func (s *server) note(e Event) { s.record.add(e) }

func (s *server) sync() {
	if err := s.record.sync(); err != nil {
		s.log.Error("record", "error", err)
	}
}

// mark is told by the gate what it has just done.
func (s *server) mark(name string) {
	s.markMu.Lock()
	s.marks = append(s.marks, gate.Mark{Name: name, At: time.Now()})
	s.markMu.Unlock()
	if s.marked != nil {
		s.marked(name)
	}
}

func (s *server) taken() []gate.Mark {
	s.markMu.Lock()
	defer s.markMu.Unlock()
	return append([]gate.Mark(nil), s.marks...)
}
