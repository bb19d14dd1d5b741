package watchdog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// session is the watchdog's own on one of the two servers, opened when it is first needed.
type session struct {
	place    string // for errors
	conninfo string // empty: there is nothing to do there
	password string
	conn     *pgconn.PgConn
}

func (s *session) connect(ctx context.Context) error {
	if s.conninfo == "" || s.conn != nil && !s.conn.IsClosed() {
		return nil
	}
	cfg, err := pgconn.ParseConfig(s.conninfo)
	if err != nil {
		return fmt.Errorf("read the address of the %s: %w", s.place, err)
	}
	if s.password != "" {
		cfg.Password = s.password
	}
	for k, v := range map[string]string{
		"application_name": "lull watchdog", "default_transaction_read_only": "off", "statement_timeout": "0",
		"idle_in_transaction_session_timeout": "0", "lock_timeout": "1s", "search_path": "pg_catalog",
	} {
		cfg.RuntimeParams[k] = v
	}
	if s.conn, err = pgconn.ConnectConfig(ctx, cfg); err != nil {
		return fmt.Errorf("connect to the %s: %w", s.place, err)
	}
	return nil
}

// each runs statements one after the other, each by itself.
func (s *session) each(ctx context.Context, statements []string) error {
	if err := s.connect(ctx); err != nil || s.conn == nil {
		return err
	}
	for _, sql := range statements {
		if _, err := s.conn.Exec(ctx, sql).ReadAll(); err != nil {
			return err
		}
	}
	return nil
}

// errLinger says that a session was told to end and is still there.
var errLinger = errors.New("the controller's sessions do not end")

// endHolders ends the sessions of controllers, and returns when none of them is left: only
// then can nothing that they were about to do be done any more.
func (s *session) endHolders(ctx context.Context, which holders, patience time.Duration) error {
	if err := s.connect(ctx); err != nil || s.conn == nil {
		return err
	}
	const sql = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid() AND `
	if which.name == "" {
		return nil
	}
	condition := `application_name = $1`
	if which.all {
		condition = `left(application_name, length($1)) = $1`
	}
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		r := s.conn.ExecParams(ctx, sql+condition, [][]byte{[]byte(which.name)}, nil, nil, nil).Read()
		if r.Err != nil {
			return fmt.Errorf("end the controller's sessions on the %s: %w", s.place, r.Err)
		}
		switch {
		case string(r.Rows[0][0]) == "0":
			return nil
		case time.Since(began) > patience:
			return fmt.Errorf("%w on the %s", errLinger, s.place)
		}
	}
}

func (s *session) close() {
	if s.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), silence)
	defer cancel()
	_ = s.conn.Close(ctx) // nobody is left to mind
}

// holders says whose sessions are meant.
type holders struct {
	name string
	all  bool // the name is only how theirs begin
}

// every is all the controllers that there ever were.
func (s Spec) every() holders { return holders{name: s.Holders, all: true} }

// source is the server that clients go back to.
type source struct {
	session
	spec   Source
	holder holders
	all    holders
}

func newSource(spec Spec) *source {
	return &source{session: session{place: "source", conninfo: spec.Source.Conninfo, password: spec.Source.Password}, spec: spec.Source, holder: holders{name: spec.Holder}, all: spec.every()}
}

// open opens the fence.
func (s *source) open(ctx context.Context) error {
	if err := s.each(ctx, s.spec.Unfence); err != nil {
		return fmt.Errorf("open the fence of the source: %w", err)
	}
	return nil
}

// openAlone ends the controller's sessions before it opens the fence.
func (s *source) openAlone(ctx context.Context) error {
	return s.openAfter(ctx, s.holder)
}

// openAfterAll ends the sessions of every controller before: one that was stopped, and
// whose watchdog is dead, must not close the fence when it comes back to life.
func (s *source) openAfterAll(ctx context.Context) error {
	return s.openAfter(ctx, s.all)
}

func (s *source) openAfter(ctx context.Context, which holders) error {
	// Clients come first: a session that does not end when it is told to does nothing else either.
	if err := s.endHolders(ctx, which, lingering); err != nil && !errors.Is(err, errLinger) {
		return err
	}
	return s.open(ctx)
}

// target is the server that clients did not get to.
type target struct {
	session
	spec Target
}

func newTarget(spec Spec) *target {
	return &target{session: session{place: "target", conninfo: spec.Target.Conninfo, password: spec.Target.Password}, spec: spec.Target}
}

// shut closes its fence, after the sessions of controllers have ended: what one of them was
// about to open stays closed. Nobody's sessions are ended when no holder is given.
func (t *target) shut(ctx context.Context, which *holders) error {
	if which != nil {
		if err := t.endHolders(ctx, *which, tidying); err != nil {
			return err
		}
	}
	if err := t.each(ctx, t.spec.Refence); err != nil {
		return fmt.Errorf("close the fence of the target: %w", err)
	}
	return nil
}
