package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"
	"time"
)

// verify looks at everything that must hold after any case.
func (t *trial) verify(ctx context.Context, ended string, before map[string]string) (lost int, err error) {
	var problems []error
	if err := t.w.serves(ctx, t.resumesWithin()); err != nil {
		problems = append(problems, err)
	}
	t.beside.Wait()
	for _, query := range t.kept {
		if found, err := column(ctx, t.w.through("app"), query); err != nil || len(found) == 0 {
			lost++
			old, _ := column(ctx, t.w.at(t.w.source.Port, "app"), query) // for whoever looks for it
			new, _ := column(ctx, t.w.at(t.w.target.Port, "app"), query)
			problems = append(problems, fmt.Errorf("what was acknowledged is not there: %s: %v; the old server has %v, the new one %v", query, err, old, new))
		}
	}
	gone, more := t.w.clients.verify(ctx, t.hurts())
	problems = append(problems, more...)
	if t.jump != 0 && (t.ahead-t.jump).Abs() > t.jump.Abs()/2 {
		problems = append(problems, fmt.Errorf("this shows nothing: lull's clock was %s ahead, not %s", t.ahead, t.jump))
	}
	problems = append(problems, t.w.verifySides(ctx, ended))
	if ended == aborted || ended == rolledBack {
		problems = append(problems, t.w.verifyAsFound(ctx, ended, before))
	}
	return lost + gone, errors.Join(problems...)
}

// log keeps what is needed to understand a failure.
func (t *trial) log(err error) {
	text := ""
	for i, r := range t.rows {
		text += fmt.Sprintf("case %s, seed %d, strikes %d\nnotes: %s\nasked: %s\n\n", t.journey[i], r.Seed, r.Strikes, strings.Join(r.Notes, "; "), strings.Join(r.Asked, "\n       "))
	}
	text += fmt.Sprintf("at %s: %v\n", t.c, err)
	_ = os.WriteFile(t.w.dir+"/failure.txt", []byte(text), 0o600)
	for name, file := range map[string]string{"source.log": t.w.source.Data + ".log", "pooler.log": t.w.pooler.LogFile(), "target.log": t.w.onTargetDisk(t.w.target.Data + ".server.log")} {
		if b, err := os.ReadFile(file); err == nil {
			_ = os.WriteFile(t.w.dir+"/"+name, b, 0o600)
		}
	}
}

// resumesWithin is how soon clients must be able to write once nothing is done any more. Where
// the fault took the pooler's servers away, the pooler by itself, with no lull anywhere,
// sends clients away until its server_login_retry is over, which is 15 s (pgbouncer.ini(5)).
func (t *trial) resumesWithin() time.Duration {
	if t.hurts() {
		return 23 * time.Second
	}
	return 8 * time.Second
}

// serves looks that a client of each database can write through the pooler.
func (w *world) serves(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for _, db := range databases {
		var failed error
		for {
			if failed = execute(ctx, w.through(db), "INSERT INTO visit VALUES (2, 'served')"); failed == nil {
				break
			}
			if !sleep(ctx, 100*time.Millisecond) {
				return fmt.Errorf("clients of %s cannot write %s after the end of lull: %w", db, within, failed)
			}
		}
	}
	return nil
}

// fingerprint is the source and its pooler, as they are now.
func (w *world) fingerprint(ctx context.Context) (map[string]string, error) {
	out, err := Fingerprint(ctx, func(db string) string { return w.at(w.source.Port, db) }, databases)
	if err != nil {
		return nil, err
	}
	console, err := w.console(ctx)
	if err != nil {
		return nil, err
	}
	defer console.Close(context.WithoutCancel(ctx))
	pooler, err := PoolerFingerprint(ctx, console, w.pooler.Dir)
	maps.Copy(out, pooler)
	return out, err
}

// verifySides looks that the clients of all databases are on one server, the one that the end
// calls for, and that lull says the same.
func (w *world) verifySides(ctx context.Context, ended string) error {
	side, other, state := w.source.Port, w.target.Port, "cancelled"
	if ended == completed || ended == finished {
		side, other, state = other, side, completed
	}
	var problems []error
	for _, db := range databases {
		at, err := column(ctx, w.through(db), "SELECT current_setting('port')")
		if err != nil || at[0] != strconv.Itoa(side) {
			problems = append(problems, fmt.Errorf("clients of %s are at port %v, not %d: %v", db, at, side, err))
		}
		if err := execute(ctx, w.past(other, db), "INSERT INTO visit VALUES (3, 'wrong side')"); err == nil {
			problems = append(problems, fmt.Errorf("a client can write to %s on the server that clients are not on", db))
		}
	}
	now, err := w.state(ctx)
	if err != nil || now != state {
		problems = append(problems, fmt.Errorf("lull status says %q, not %q: %v", now, state, err))
	}
	return errors.Join(problems...)
}

func (w *world) state(ctx context.Context) (string, error) {
	out, err := w.command(ctx, "status", "--json").Output()
	if err != nil {
		return "", err
	}
	var list []struct{ ID, State string }
	if err := json.Unmarshal(out, &list); err != nil || len(list) != 1 {
		return "", fmt.Errorf("lull status --json says %s: %v", out, err)
	}
	return list[0].State, nil
}

// verifyAsFound compares the source and its pooler with what they were, and looks that the
// target is gone after an abort. Sessions of programs that were killed end a moment later.
func (w *world) verifyAsFound(ctx context.Context, ended string, before map[string]string) error {
	var left []string
	for end := time.Now().Add(10 * time.Second); ; {
		now, err := w.fingerprint(ctx)
		if err != nil {
			return err
		}
		left = Differences(before, now)
		if ended == aborted {
			left = append(left, w.leftovers()...)
		}
		if len(left) == 0 {
			return nil
		}
		if time.Now().After(end) || !sleep(ctx, 200*time.Millisecond) {
			return fmt.Errorf("the source is not as it was found: %s", strings.Join(left, "; "))
		}
	}
}

// leftovers are what an abort has left where the target was built, sockets left out.
func (w *world) leftovers() (out []string) {
	files, err := os.ReadDir(w.onTargetDisk(w.spot))
	if err != nil {
		return []string{err.Error()}
	}
	for _, f := range files {
		if !strings.HasPrefix(f.Name(), ".s.PGSQL.") && f.Name() != "person.log" {
			out = append(out, "left beside the target: "+f.Name())
		}
	}
	return out
}
