package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/lullhq/lull/internal/ledger"
)

// show is one demo, from empty ground to the result.
type show struct {
	Options
	ground *Ground
	lull   lull
	web    web
	sites  []Site
	files  files

	server *child
	ledger *child
	load   *Load
	since  time.Time // of the whole load
}

// quiet is how long the load runs before the maintenance: the measure for after it.
const quiet = 10 * time.Second

// Run makes the maintenance happen, writes what was measured, and stops all that it
// started. Its error says what failed, or which promise was not kept.
func Run(ctx context.Context, o Options) (err error) {
	s := &show{Options: o}
	defer func() {
		err = errors.Join(err, s.linger(ctx, err), s.stop(context.WithoutCancel(ctx)))
	}()
	for _, stage := range []func(context.Context) error{s.open, s.lay, s.rush, s.rehearse, s.maintain, s.conclude} {
		if err := stage(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *show) path(name string) string { return filepath.Join(s.Dir, name) }

func (s *show) say(format string, args ...any) { fmt.Fprintf(s.Out, format+"\n", args...) }

// open brings the status page up first: it is there to be watched.
func (s *show) open(ctx context.Context) error {
	listen, err := freeListen()
	if err != nil {
		return err
	}
	s.say("Status page  http://%s/", listen)
	if s.ground, err = Survey(ctx, s.Dir, s.Majors); err != nil {
		return err
	}
	if s.sites, err = makeSites(ctx, s.ground.Dir); err != nil {
		return err
	}
	if err := s.web.serveSites(s.sites); err != nil {
		return err
	}
	app, err := s.web.serve(health{s.ground.withPassword(s.ground.AppDSN(), appRole)}, 0)
	if err != nil {
		return err
	}
	if s.files, err = s.ground.writeFiles(s.sites, listen, app+"/health", time.Now()); err != nil {
		return err
	}
	for _, x := range s.sites {
		s.say("Site %-7s %s", x.Name, x.URL)
	}
	s.lull = lull{program: s.Self, config: s.path("lull.yaml"), logs: s.path("logs"), out: s.Out}
	if s.server, err = s.lull.start(ctx, "serve"); err != nil {
		return err
	}
	return s.server.await(ctx, func() bool { return answers(ctx, s.files.Page) })
}

func answers(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// lay builds the source.
func (s *show) lay(ctx context.Context) error {
	began := time.Now()
	if err := s.ground.Build(ctx, s.Scale); err != nil {
		return err
	}
	s.say("Source       PostgreSQL %s behind PgBouncer on port %d, filled in %.1f s", s.ground.Source.Version, s.ground.Pooler.Port, time.Since(began).Seconds())
	return nil
}

// rush starts the application's clients and the ledger, and lets them be for a while.
func (s *show) rush(ctx context.Context) (err error) {
	if s.load, err = s.ground.StartLoad(ctx, LoadSpec{Rate: s.Rate, Clients: s.Clients}); err != nil {
		return err
	}
	file := s.path("ledger")
	s.ledger, err = s.lull.start(ctx, "ledger", "run", "--dsn", s.ground.AppDSN(), "--password-file", s.ground.SecretFile(appRole), "--file", file)
	if err != nil {
		return err
	}
	err = s.ledger.await(ctx, func() bool {
		sum, err := ledger.ReadSummary(file)
		return err == nil && sum.Acked > 0
	})
	if err != nil {
		return err
	}
	s.since = time.Now()
	s.say("Load         %d transactions a second from %d clients, and the ledger beside them", s.Rate, s.Clients)
	return wait(ctx, s.since.Add(quiet))
}

// rehearse is what a careful user types before.
func (s *show) rehearse(ctx context.Context) error {
	if !s.Rehearse {
		return nil
	}
	if err := s.lull.show(ctx, "rehearse", s.path("plan.yaml")); err != nil || s.Rehearsed == nil {
		return err
	}
	return s.Rehearsed(ctx)
}

// maintain is what a user types.
func (s *show) maintain(ctx context.Context) error {
	for _, command := range []string{"schedule", "run"} {
		if err := s.lull.show(ctx, command, s.path("plan.yaml")); err != nil {
			return err
		}
	}
	return nil
}

// conclude lets the clients go on for a while, stops them, and puts everything together.
func (s *show) conclude(ctx context.Context) error {
	e := evidence{sites: s.sites, report: s.path("post-mortem.md"), before: [2]time.Time{s.since, s.since.Add(quiet)}}
	for _, part := range []func(context.Context, *evidence) error{s.readRecord, s.endWayBack, s.stopClients, s.readLedger, s.writeReport} {
		if err := part(ctx, &e); err != nil {
			return err
		}
	}
	r, err := e.result(ctx)
	if err != nil {
		return err
	}
	if err := r.write(s.path("result.json")); err != nil {
		return err
	}
	s.say("")
	r.print(s.Out)
	return e.promise(r)
}

// endWayBack types what ends a maintenance for good, while the load goes on.
func (s *show) endWayBack(ctx context.Context, e *evidence) error {
	if !s.Back {
		return s.lull.show(ctx, "finish", s.path("plan.yaml"))
	}
	if err := s.lull.show(ctx, "rollback", s.path("plan.yaml")); err != nil {
		return err
	}
	if err := wait(ctx, time.Now().Add(around)); err != nil {
		return err
	}
	var err error
	e.back, err = s.record(ctx)
	return err
}

func (s *show) record(ctx context.Context) (record, error) {
	out, err := s.lull.ask(ctx, "report", "--json", s.path("plan.yaml"))
	if err != nil {
		return record{}, err
	}
	return readRecord(out)
}

func (s *show) readRecord(ctx context.Context, e *evidence) (err error) {
	if e.record, err = s.record(ctx); err != nil {
		return err
	}
	_, switched := e.record.held(new([]string))
	if rest := time.Until(switched.Add(afterwards)); rest > 0 {
		s.say("\nThe load goes on for %.0f s, to see how fast the new server is.", rest.Seconds())
		return wait(ctx, switched.Add(afterwards))
	}
	return nil
}

func (s *show) stopClients(ctx context.Context, e *evidence) (err error) {
	ctx, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	load := s.load
	s.load = nil
	if e.load, err = load.Stop(ctx); err != nil {
		return err
	}
	ended := s.ledger
	s.ledger = nil
	return ended.stop()
}

func (s *show) readLedger(ctx context.Context, e *evidence) (err error) {
	file := s.path("ledger")
	if e.ledger, err = ledger.ReadSummary(file); err != nil {
		return err
	}
	if e.statements, err = ledger.ReadStatements(file); err != nil {
		return err
	}
	e.verdict, err = ledger.Verify(ctx, s.ground.withPassword(s.ground.AppDSN(), appRole), file)
	return err
}

func (s *show) writeReport(ctx context.Context, e *evidence) error {
	_, err := s.lull.ask(ctx, "report", s.path("plan.yaml"), "--output", e.report)
	return err
}

// linger leaves everything up until the context ends, if that was asked for.
func (s *show) linger(ctx context.Context, failed error) error {
	if !s.Keep || s.ground == nil || ctx.Err() != nil {
		return nil
	}
	if failed == nil {
		var err error
		if s.load, err = s.ground.StartLoad(ctx, LoadSpec{Rate: s.Rate, Clients: s.Clients}); err != nil {
			return err
		}
	}
	s.say("\nAll stays up: %s and psql %q. Ctrl-C ends it.", s.files.Page, s.ground.AppDSN())
	<-ctx.Done()
	return nil
}

// stop ends what still runs, the clients first.
func (s *show) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	var failed error
	if s.load != nil {
		_, err := s.load.Stop(ctx)
		failed = errors.Join(failed, err)
	}
	for _, c := range []*child{s.ledger, s.server} {
		if c != nil {
			failed = errors.Join(failed, c.stop())
		}
	}
	if s.ground != nil {
		failed = errors.Join(failed, s.ground.Stop(ctx))
	}
	return errors.Join(failed, s.web.close())
}

func wait(ctx context.Context, until time.Time) error {
	t := time.NewTimer(time.Until(until))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
