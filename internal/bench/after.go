package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/demo"
	"github.com/lullhq/lull/internal/ledger"
)

// AfterOptions are the size of the measurement.
type AfterOptions struct {
	Runs    int
	Minute  time.Duration // before and after the switch
	Demo    demo.Options  // Dir, Scale, Rate, Clients, Self
	Out     io.Writer
	Figures string // the file to write
}

// spoiled is what the benchmark takes away on the new server, when all is ready and the
// switch looks for a good moment: what it would be like without what Lull did.
type spoiled struct {
	key, words string
	spoil      func(context.Context, *pair) error // nil: nothing
}

var afters = []spoiled{
	{"p99_ratio", "as Lull leaves it", nil},
	{"p99_ratio_without_statistics", "without statistics", withoutStatistics},
	{"p99_ratio_cold_cache", "with a cold cache", coldCache},
}

// minutes is the p99 of clients around one switch, in ms.
type minutes struct{ before, after float64 }

func (m minutes) ratio() float64 { return m.after / m.before }

// After measures what clients wait in the minute after the switch against the minute before
// it, and the same once without statistics and once with nothing in memory.
func After(ctx context.Context, o AfterOptions) error {
	all := map[string][]minutes{}
	for n := range o.Runs {
		for _, way := range afters {
			m, err := after(ctx, o, way)
			if err != nil {
				return fmt.Errorf("run %d, %s: %w", n+1, way.words, err)
			}
			fmt.Fprintf(o.Out, "run %d of %d, %s: 99 of 100 transactions within %.1f ms, %.1f ms before the switch: %.2f times\n", n+1, o.Runs, way.words, m.after, m.before, m.ratio())
			all[way.key] = append(all[way.key], m)
		}
	}
	rows := afterRows(all)
	if err := Print(o.Out, rows); err != nil {
		return err
	}
	return Write(o.Figures, rows)
}

func afterRows(all map[string][]minutes) (rows []Row) {
	for _, way := range afters {
		rows = append(rows,
			columnOf(all[way.key], way.key, "p99 after to before, "+way.words, minutes.ratio),
			columnOf(all[way.key], strings.Replace(way.key, "p99_ratio", "p99_ms", 1), "p99 after, ms, "+way.words, func(m minutes) float64 { return m.after }))
	}
	return rows
}

// after makes one switch. Spoiling comes after all that the switch does before it waits for a
// good moment, or Lull would put it right again.
func after(ctx context.Context, o AfterOptions, way spoiled) (m minutes, err error) {
	p, err := stepUp(ctx, o.Demo, "switch", true)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, p.stop(context.WithoutCancel(ctx))) }()
	var failed error
	asked := time.Now().Add(o.Minute)
	if err := pauseUntil(ctx, asked); err != nil {
		return m, err
	}
	if way.spoil != nil {
		p.record.told = func(text string) {
			if text == "waiting for a good moment" {
				failed, p.record.told = way.spoil(ctx, p), nil
			}
		}
	}
	if err := errors.Join(p.step.Apply(ctx, p.record), failed); err != nil {
		return m, err
	}
	if way.spoil != nil && p.record.told != nil {
		return m, errors.New("the switch came to its end and nothing was taken away before it")
	}
	switched := time.Now()
	if err := pauseUntil(ctx, switched.Add(o.Minute)); err != nil {
		return m, err
	}
	load := p.load
	p.load = nil
	result, err := load.Stop(ctx)
	if err == nil && result.Failed > 0 {
		err = fmt.Errorf("%d of the clients' transactions failed: %v", result.Failed, result.Errors)
	}
	times := result.Times()
	fmt.Fprintf(o.Out, "99 of 100 within, ms, by 10 s: before the switch %s, after it %s\n", p99s(times, asked.Add(-o.Minute), o.Minute), p99s(times, switched, o.Minute))
	m.before = millis(times.Around(asked.Add(-o.Minute), asked).Quantile(.99))
	m.after = millis(times.Around(switched, switched.Add(o.Minute)).Quantile(.99))
	return m, err
}

// p99s shows whether it is slow at first or all the time.
func p99s(times ledger.Statements, from time.Time, length time.Duration) string {
	const each = 10 * time.Second
	var out []string
	for at := from; at.Before(from.Add(length)); at = at.Add(each) {
		out = append(out, fmt.Sprintf("%.1f", millis(times.Around(at, at.Add(each)).Quantile(.99))))
	}
	return strings.Join(out, " ")
}

func pauseUntil(ctx context.Context, t time.Time) error {
	if pause(ctx, time.Until(t)) {
		return ctx.Err()
	}
	return nil
}

// onTarget does something in the application's database on the new server.
func onTarget(ctx context.Context, p *pair, do func(*pgx.Conn) error) error {
	password, err := os.ReadFile(p.ground.SecretFile(superuser))
	if err != nil {
		return fmt.Errorf("read the password of the ground: %w", err)
	}
	cfg, err := pgx.ParseConfig(p.ground.Target.DSN("app", superuser) + " application_name=lull_bench")
	if err != nil {
		return err
	}
	cfg.Password = strings.TrimSpace(string(password))
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return do(conn)
}

// withoutStatistics leaves the planner what pg_upgrade before 18 leaves it: nothing.
func withoutStatistics(ctx context.Context, p *pair) error {
	return onTarget(ctx, p, func(conn *pgx.Conn) error {
		for _, sql := range []string{
			"DELETE FROM pg_statistic WHERE starelid >= 16384", "DELETE FROM pg_statistic_ext_data",
			"UPDATE pg_class SET reltuples = -1, relpages = 0, relallvisible = 0 WHERE oid >= 16384 AND relkind IN ('r', 'i', 'm')",
		} {
			if _, err := conn.Exec(ctx, sql); err != nil {
				return fmt.Errorf("take the statistics away: %w", err)
			}
		}
		return nil
	})
}

// coldCache leaves nothing of the data in the server's memory, nor in the system's.
func coldCache(ctx context.Context, p *pair) error {
	err := onTarget(ctx, p, func(conn *pgx.Conn) error {
		tx, err := conn.Begin(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
		for _, sql := range []string{
			"SET LOCAL session_replication_role = replica",
			"CREATE FUNCTION pg_temp.evict(int) RETURNS bool LANGUAGE c STRICT AS '$libdir/pg_buffercache', 'pg_buffercache_evict'",
			"SELECT count(*) FILTER (WHERE pg_temp.evict(b)) FROM generate_series(1, (SELECT setting::int FROM pg_settings WHERE name = 'shared_buffers')) b",
		} {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return fmt.Errorf("take what is in memory away: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return filepath.WalkDir(filepath.Join(p.ground.Target.Data, "base"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return ignoreGone(err)
		}
		return ignoreGone(forget(path))
	})
}

// ignoreGone is for files of a server that works on.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
