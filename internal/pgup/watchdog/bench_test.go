package watchdog

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/gate"
)

// BenchmarkHold measures what the hold itself costs, when there is nothing to wait for:
// 16 idle clients, held and sent to the other server at once.
func BenchmarkHold(b *testing.B) {
	source, target := pgtest.Start(b, 17, pgtest.Options{}), pgtest.Start(b, 17, pgtest.Options{})
	bouncer := pgtest.StartBouncer(b, source, pgtest.BouncerOptions{}, "postgres")
	var conns []*pgx.Conn
	for range 16 {
		conns = append(conns, bouncer.Connect(b, "postgres"))
	}
	dir := b.TempDir()
	from, to := source, target
	var holds, commits, answers []float64
	for b.Loop() {
		w, err := Start(b.Context(), os.Args[0], Spec{
			Poolers: []gate.Pooler{{Name: "main", Admin: bouncer.DSN("pgbouncer"), Config: bouncer.Config()}},
			From:    gate.Addr{Host: "127.0.0.1", Port: from.Port}, To: gate.Addr{Host: "127.0.0.1", Port: to.Port},
			Source: Source{Conninfo: from.DSN("postgres")}, Record: filepath.Join(dir, "record"), Log: filepath.Join(dir, "log"),
		})
		if err != nil {
			b.Fatal(err)
		}
		for _, c := range conns {
			if err := c.Ping(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
		asked := time.Now()
		if err := w.Hold(b.Context(), 10*time.Second); err != nil {
			b.Fatal(err)
		}
		held := time.Now()
		if err := w.Commit(); err != nil {
			b.Fatal(err)
		}
		done := time.Now()
		if err := conns[0].Ping(context.Background()); err != nil {
			b.Fatal(err)
		}
		holds = append(holds, ms(held.Sub(asked)))
		commits = append(commits, ms(done.Sub(held)))
		answers = append(answers, ms(time.Since(done)))
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		from, to = to, from
	}
	for name, all := range map[string][]float64{"hold": holds, "commit": commits, "first-answer": answers} {
		slices.Sort(all)
		b.ReportMetric(all[len(all)/2], name+"-ms")
		b.ReportMetric(all[len(all)-1], name+"-max-ms")
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
