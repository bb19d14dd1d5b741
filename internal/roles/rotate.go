// Package roles gives roles new passwords, on servers and poolers at once, so that nobody is locked out by
// half of it. The servers never see a password: they are given what they keep of it.
//
// It must not know of plans, of steps, or of who the clients are.
package roles

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/gate"
	"github.com/lullhq/lull/internal/pgup/gate/pgbouncer"
	"github.com/lullhq/lull/internal/security"
)

// Secret is a role's new password. It is for whom Hand gives it to, and nobody else.
type Secret struct{ Role, Password, Verifier string }

// Rotation is where new passwords go.
type Rotation struct {
	Servers []cluster.Endpoint // all that run: the old one and the new one have to be alike
	Poolers []gate.Pooler
	// Hand gives the password to where it is kept, before anything is changed: none is ever in force that
	// nobody has. It may be called again with another one.
	Hand func(context.Context, Secret) error
}

// Rotated says what was changed.
type Rotated struct {
	Role    string   `json:"role"`
	Was     string   `json:"was"`     // how the password was kept
	Servers int      `json:"servers"` // that have it now
	Poolers []string `json:"poolers"` // whose users' file has it now
}

// Do gives a role a password. What can fail is done before anything is changed; what fails afterwards, is
// taken back. A process that is killed in between leaves servers and poolers of which some have the new password:
// the same command with the same password makes them alike.
func (r Rotation) Do(ctx context.Context, role, password string) (out Rotated, err error) {
	out = Rotated{Role: role, Poolers: []string{}}
	verifier, err := security.NewVerifier(password)
	if err != nil {
		return out, err
	}
	w := &work{role: role, verifier: verifier}
	defer w.close()
	if err := w.prepare(ctx, r); err != nil {
		return out, errors.Join(err, w.dropStaged(ctx))
	}
	out.Was = w.sides[0].kind()
	if err := r.Hand(ctx, Secret{role, password, verifier}); err != nil {
		return out, errors.Join(fmt.Errorf("hand over the new password of %s: %w", role, err), w.dropStaged(ctx))
	}
	if err := w.change(ctx, password); err != nil {
		if back := w.takeBack(context.WithoutCancel(ctx)); back != nil {
			return out, hint.Wrap(errors.Join(err, fmt.Errorf("and taking it back: %w", back)), "type the same command again with the password that was handed over (--password-file): it makes all alike")
		}
		return out, hint.Wrap(err, "nothing is changed, and the password that was handed over is not in force; put right what is said here, then type the same command again")
	}
	out.Servers = len(w.sides)
	for _, u := range w.users {
		if u.Found {
			out.Poolers = append(out.Poolers, u.name)
		}
	}
	return out, nil
}

// work is one role on its way.
type work struct {
	role, verifier string
	sides          []*side
	users          []pooled
}

// side is a server.
type side struct {
	conn *pgx.Conn
	was  *string // what it keeps of the old password
	done bool
}

func (s *side) kind() string {
	switch {
	case s.was == nil:
		return "none"
	case len(*s.was) > 3 && (*s.was)[:3] == "md5":
		return "md5"
	}
	return "scram-sha-256"
}

type pooled struct {
	*pgbouncer.Users
	name string
}

// prepare reads what is there and stages the poolers' files.
func (w *work) prepare(ctx context.Context, r Rotation) error {
	for _, e := range r.Servers {
		conn, err := e.Connect(ctx, "")
		if err != nil {
			return err
		}
		s := &side{conn: conn}
		w.sides = append(w.sides, s)
		err = conn.QueryRow(ctx, `SELECT rolpassword FROM pg_authid WHERE rolname = $1`, w.role).Scan(&s.was)
		if errors.Is(err, pgx.ErrNoRows) {
			return hint.Errorf("lull roles list", "there is no role %q at %s", w.role, e)
		}
		if err != nil {
			return fmt.Errorf("look at role %s: %w", w.role, err)
		}
		if _, err := conn.Exec(ctx, quiet); err != nil {
			return fmt.Errorf("prepare a session: %w", err)
		}
	}
	for _, p := range r.Poolers {
		if p.Kind == gate.HookGate {
			continue // what stands behind commands of the operator's is theirs
		}
		u, err := pgbouncer.StageUser(ctx, p, w.role, w.verifier)
		if err != nil {
			return err
		}
		w.users = append(w.users, pooled{u, p.Name})
	}
	return nil
}

// quiet keeps what is done from the server's log. A verifier is no password, and still nobody's business.
const quiet = `SET log_statement = none; SET log_min_duration_statement = -1; SET log_min_error_statement = panic`

func (w *work) change(ctx context.Context, password string) error {
	for _, s := range w.sides {
		s.done = true // also when the answer is lost
		if err := s.set(ctx, w.role, &w.verifier); err != nil {
			return err
		}
	}
	for _, u := range w.users {
		if err := u.Commit(ctx); err != nil {
			return err
		}
	}
	for _, u := range w.users {
		if err := u.LogIn(ctx, w.role, password); err != nil {
			return err
		}
	}
	return nil
}

func (s *side) set(ctx context.Context, role string, verifier *string) error {
	value := "NULL"
	if verifier != nil {
		value = cluster.Literal(*verifier)
	}
	if _, err := s.conn.Exec(ctx, "ALTER ROLE "+cluster.Ident(role)+" PASSWORD "+value); err != nil {
		return fmt.Errorf("set the password of %s: %w", role, err)
	}
	return nil
}

func (w *work) takeBack(ctx context.Context) (err error) {
	for _, s := range w.sides {
		if s.done {
			err = errors.Join(err, s.set(ctx, w.role, s.was))
		}
	}
	return errors.Join(err, w.dropStaged(ctx))
}

func (w *work) dropStaged(ctx context.Context) (err error) {
	for _, u := range w.users {
		err = errors.Join(err, u.Back(context.WithoutCancel(ctx)))
	}
	return err
}

func (w *work) close() {
	for _, s := range w.sides {
		_ = s.conn.Close(context.Background())
	}
}
