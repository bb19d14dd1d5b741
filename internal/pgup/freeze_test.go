package pgup_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgup"
	"github.com/lullhq/lull/internal/run"
)

// stopAt ends a run when it has brought the step of that name to done.
var errStopped = errors.New("stopped by the test")

type stopAfter struct {
	run.Step
	then func(context.Context) error
}

func (s stopAfter) Observe(ctx context.Context, rec run.Recorder) (run.Observation, error) {
	o, err := s.Step.Observe(ctx, rec)
	if err == nil && o.Presence == run.Done {
		err = s.then(ctx)
	}
	return o, err
}

// runUntil runs the upgrade up to and with the step, and calls then once that is done.
func (g *ground) runUntil(t *testing.T, step string, then func(context.Context) error) error {
	t.Helper()
	items := pgup.New(g.spec).Items()
	for i := range items {
		if items[i].Step.Name() == "upgrade/"+step {
			items[i].Step = stopAfter{items[i].Step, then}
		}
	}
	r := &run.Runner{Journal: g.journal, Log: &g.journal.Memory, Now: time.Now, Watch: facts{t}}
	return r.Run(t.Context(), id, items)
}

func (g *ground) abort(t *testing.T) {
	t.Helper()
	r := &run.Runner{Journal: g.journal, Log: &g.journal.Memory, Now: time.Now, Watch: facts{t}}
	if err := r.Abort(t.Context(), id, pgup.New(g.spec).Items()); err != nil {
		t.Fatal(err)
	}
}

// clientsDDL is what an application's migration would do.
func clientsDDL(ctx context.Context, dsn string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, `CREATE TABLE migrated (n int); DROP TABLE migrated`)
	return err
}

func isFrozen(err error) bool {
	return err != nil && strings.Contains(err.Error(), "definitions are frozen")
}

func (g *ground) targetDSN(db string) string {
	return g.spec.Source.At("127.0.0.1", g.spec.Place.Port).Libpq(db, "") + " password=" + g.source.Password
}

func TestDefinitionsAreFrozenUntilTheEnd(t *testing.T) {
	whole(t)
	g := newGround(t)
	err := g.runUntil(t, "target", func(ctx context.Context) error {
		for _, db := range []string{"app", "shop", "mail"} {
			if err := clientsDDL(ctx, g.source.DSN(db)); !isFrozen(err) {
				t.Errorf("database %s of the source: %v", db, err)
			}
			if err := clientsDDL(ctx, g.targetDSN(db)); !isFrozen(err) {
				t.Errorf("database %s of the target: %v", db, err)
			}
		}
		return errStopped
	})
	if !errors.Is(err, errStopped) {
		t.Fatal(err)
	}
	if err := g.run(t); err != nil {
		t.Fatal(err)
	}
	if err := clientsDDL(t.Context(), g.targetDSN("app")); !isFrozen(err) || !strings.Contains(err.Error(), "the way back is kept open") {
		t.Errorf("while there is a way back: %v", err)
	}
	if err := g.carryOut(t, g.remembering(t).FinishItems()); err != nil {
		t.Fatal(err)
	}
	for _, dsn := range []string{g.source.DSN("app") + " default_transaction_read_only=off", g.targetDSN("app")} {
		if err := clientsDDL(t.Context(), dsn); err != nil {
			t.Errorf("after the end: %v", err)
		}
	}
}

func TestAbortThaws(t *testing.T) {
	whole(t)
	g := newGround(t)
	err := g.runUntil(t, "freeze", func(context.Context) error { return errStopped })
	if !errors.Is(err, errStopped) {
		t.Fatal(err)
	}
	if err := clientsDDL(t.Context(), g.source.DSN("app")); !isFrozen(err) {
		t.Errorf("the source is not frozen: %v", err)
	}
	g.abort(t)
	if err := clientsDDL(t.Context(), g.source.DSN("app")); err != nil {
		t.Errorf("after the abort: %v", err)
	}
}
