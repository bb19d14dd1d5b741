package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/lullhq/lull/internal/demo"
	"github.com/lullhq/lull/internal/maint"
)

// CompareOptions are the size of the measurement.
type CompareOptions struct {
	Runs    int
	Demo    demo.Options // Dir, Scale, Rate, Clients, Self
	Out     io.Writer
	Figures string // the file to write
}

// calm is how long the clients are left alone between two comparisons. It is about as
// long as one: a quantile of many transactions is not held against one of few.
const calm = 15 * time.Second

// window is a stretch of the load's time.
type window struct{ from, to time.Time }

// compared is one comparison of all rows.
type compared struct {
	window
	figures maint.Figures // as the step puts them on the timeline
	cpu     float64       // seconds, of both servers and of Lull
	p99     float64       // of clients, ms
	before  float64       // the same in the windows around it
}

// Compare measures the upgrade's comparison of all rows, under load: how long it takes and
// what it costs the clients. Each comparison is held against the calm before and after it.
func Compare(ctx context.Context, o CompareOptions) (err error) {
	fmt.Fprintln(o.Out, "A source and a target that follows it:")
	p, err := stepUp(ctx, o.Demo, "comparison", false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop(context.WithoutCancel(ctx))) }()
	all, calms, err := p.alternate(ctx, o.Runs)
	if err != nil {
		return err
	}
	if err := p.read(ctx, all, calms); err != nil {
		return err
	}
	for n, c := range all {
		fmt.Fprintf(o.Out, "run %d of %d: %.0f rows in %.1f s, %.1f s of processor; 99 of 100 transactions within %.1f ms, %.1f ms without\n",
			n+1, o.Runs, c.figures["rows_compared"], c.figures["compare_s"], c.cpu, c.p99, c.before)
	}
	rows := compareRows(all)
	if err := Print(o.Out, rows); err != nil {
		return err
	}
	return Write(o.Figures, rows)
}

func compareRows(all []compared) []Row {
	column := func(key, title string, of func(compared) float64) Row { return columnOf(all, key, title, of) }
	return []Row{
		column("seconds", "all rows compared, s", func(c compared) float64 { return c.figures["compare_s"] }),
		column("p99_ratio", "clients' p99, times that without", func(c compared) float64 { return c.p99 / c.before }),
		column("p99_ms", "clients' p99, ms", func(c compared) float64 { return c.p99 }),
		column("p99_without_ms", "clients' p99 without, ms", func(c compared) float64 { return c.before }),
		column("rows", "rows", func(c compared) float64 { return c.figures["rows_compared"] }),
		column("bytes", "bytes of tables", func(c compared) float64 { return c.figures["bytes_compared"] }),
		column("cpu_s", "processor, s", func(c compared) float64 { return c.cpu }),
	}
}

// alternate compares again and again, with calm before, between and after.
func (p *pair) alternate(ctx context.Context, runs int) (all []compared, calms []window, err error) {
	for range runs {
		w, err := rest(ctx)
		if err != nil {
			return nil, nil, err
		}
		c, err := p.compare(ctx)
		if err != nil {
			return nil, nil, err
		}
		all, calms = append(all, c), append(calms, w)
	}
	w, err := rest(ctx)
	return all, append(calms, w), err
}

func rest(ctx context.Context) (window, error) {
	from := time.Now()
	select {
	case <-ctx.Done():
		return window{}, ctx.Err()
	case <-time.After(calm):
		return window{from, time.Now()}, nil
	}
}

func (p *pair) compare(ctx context.Context) (c compared, err error) {
	before, err := p.processor()
	if err != nil {
		return c, err
	}
	c.from = time.Now()
	if err := p.step.Apply(ctx, p.record); err != nil {
		return c, err
	}
	c.to, c.figures = time.Now(), p.record.figures
	time.Sleep(time.Second) // the sessions' processes are counted once they are gone
	after, err := p.processor()
	c.cpu = (after - before).Seconds()
	return c, err
}

// read stops the load and finds what its clients waited in each window.
func (p *pair) read(ctx context.Context, all []compared, calms []window) error {
	load := p.load
	p.load = nil
	result, err := load.Stop(ctx)
	if err != nil {
		return err
	}
	if result.Failed > 0 {
		return fmt.Errorf("%d of the clients' transactions failed: %v", result.Failed, result.Errors)
	}
	times := result.Times()
	for i := range all {
		c := &all[i]
		around := append(times.Around(calms[i].from, calms[i].to), times.Around(calms[i+1].from, calms[i+1].to)...)
		c.p99, c.before = millis(times.Around(c.from, c.to).Quantile(.99)), millis(around.Quantile(.99))
	}
	return nil
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
