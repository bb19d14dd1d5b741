package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/lullhq/lull/internal/demo"
	"github.com/lullhq/lull/internal/maint"
)

// ForecastOptions are the size of the measurement.
type ForecastOptions struct {
	Runs    int
	Demo    demo.Options // Dir, Scale, Rate, Clients, Self
	Out     io.Writer
	Figures string // the file to write
}

// foretold is one maintenance against what its one rehearsal had it be.
type foretold struct {
	Took          float64 `json:"took_s"`
	Forecast      float64 `json:"forecast_s"`
	HoldPredicted float64 `json:"hold_predicted_ms"`
	Hold          float64 `json:"hold_ms"`
	LateShare     float64 `json:"late_share"`
}

func (f foretold) off() float64 { return f.Took/f.Forecast - 1 }

// Forecast rehearses a maintenance once and does it, again and again on new ground, and then once more with a copy that
// is slowed until it outlasts the window: when are people told.
func Forecast(ctx context.Context, o ForecastOptions) error {
	var all []foretold
	o.Demo.Rehearse = true
	for n := range o.Runs {
		f, err := foretell(ctx, o)
		if err != nil {
			return fmt.Errorf("run %d: %w", n+1, err)
		}
		if err := keepTable(o.Demo.Dir, n+1); err != nil {
			return err
		}
		fmt.Fprintf(o.Out, "run %d of %d: %.1f s were forecast, it took %.1f s: %+.1f %%; a hold of %.1f ms was predicted, clients were held for %.1f ms\n",
			n+1, o.Runs, f.Forecast, f.Took, 100*f.off(), f.HoldPredicted, f.Hold)
		all = append(all, f)
	}
	slow, err := slowly(ctx, o)
	if err != nil {
		return fmt.Errorf("the slow copy: %w", err)
	}
	fmt.Fprintf(o.Out, "slow copy: people were told when %.0f %% of what it took longer were over\n", 100*slow.LateShare)
	rows := forecastRows(all, slow)
	if err := Print(o.Out, rows); err != nil {
		return err
	}
	return Write(o.Figures, rows)
}

func forecastRows(all []foretold, slow foretold) []Row {
	column := func(key, title string, of func(foretold) float64) Row { return columnOf(all, key, title, of) }
	errs := column("errors", "actual to forecast, less 1", foretold.off)
	errs.Each = true
	return []Row{
		errs,
		column("forecast_s", "forecast, s", func(f foretold) float64 { return f.Forecast }),
		column("took_s", "actual, s", func(f foretold) float64 { return f.Took }),
		column("hold_predicted_ms", "hold predicted, ms", func(f foretold) float64 { return f.HoldPredicted }),
		column("hold_actual_ms", "clients held, ms", func(f foretold) float64 { return f.Hold }),
		columnOf([]foretold{slow}, "late_share", "slow copy: of its overrun, when it was said", func(f foretold) float64 { return f.LateShare }),
	}
}

func foretell(ctx context.Context, o ForecastOptions) (f foretold, err error) {
	log, err := os.Create(o.Demo.Dir + ".log")
	if err != nil {
		return f, fmt.Errorf("keep what the demo says: %w", err)
	}
	defer log.Close()
	o.Demo.Out = log
	failed := demo.Run(ctx, o.Demo)
	b, err := os.ReadFile(filepath.Join(o.Demo.Dir, "result.json"))
	if err == nil {
		err = json.Unmarshal(b, &f)
	}
	if err != nil {
		return f, errors.Join(failed, fmt.Errorf("read the demo's result: %w", err))
	}
	if f.Forecast == 0 {
		return f, errors.Join(failed, errors.New("nothing was forecast"))
	}
	return f, nil
}

// keepTable keeps a run's post-mortem, in which the forecast stands beside what came, step by step: what was off, if anything was.
func keepTable(dir string, run int) error {
	b, err := os.ReadFile(filepath.Join(dir, "post-mortem.md"))
	if err != nil {
		return fmt.Errorf("keep the table of steps: %w", err)
	}
	return os.WriteFile(fmt.Sprintf("%s-%d.md", dir, run), b, 0o644)
}

// slowly gives the run a window that is just long enough for what is expected, and slows the copy until it is longer.
func slowly(ctx context.Context, o ForecastOptions) (foretold, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var slowing sync.WaitGroup
	o.Demo.Rehearsed = func(context.Context) error {
		left, err := tighten(ctx, o.Demo)
		if err != nil {
			return err
		}
		slowing.Go(func() { throttle(ctx, o.Demo.Dir, left+pastWindow) })
		return nil
	}
	f, err := foretell(ctx, o)
	stop()
	slowing.Wait()
	if err == nil && f.LateShare == 0 {
		err = errors.New("nobody was told that it would be late, and it should have been")
	}
	return f, err
}

// pastWindow is for how long the slowed copy alone goes on after the window.
const pastWindow = time.Minute

var windowLine = regexp.MustCompile(`(?m)^window: .*$`)

// tighten makes the window of the plan begin now, and as long as the work may take by the forecast, in whole minutes. It
// gives how much is left of it.
func tighten(ctx context.Context, d demo.Options) (left time.Duration, err error) {
	file := filepath.Join(d.Dir, "plan.yaml")
	out, err := exec.CommandContext(ctx, d.Self, "--config", filepath.Join(d.Dir, "lull.yaml"), "check", "--json", file).Output()
	if err != nil {
		return 0, fmt.Errorf("ask for the forecast: %w", err)
	}
	var check struct {
		Forecast maint.Forecast `json:"forecast"`
	}
	if err := json.Unmarshal(out, &check); err != nil {
		return 0, fmt.Errorf("read the forecast: %w", err)
	}
	plan, err := os.ReadFile(file)
	if err != nil {
		return 0, fmt.Errorf("change the plan: %w", err)
	}
	now := time.Now().UTC()
	start := now.Truncate(time.Minute)
	allow := math.Ceil((now.Sub(start) + check.Forecast.High).Minutes())
	line := fmt.Sprintf("window: {start: %s, zone: UTC, allow: %.0fm}", start.Format("2006-01-02 15:04"), allow)
	left = start.Add(time.Duration(allow) * time.Minute).Sub(now)
	return left, os.WriteFile(file, windowLine.ReplaceAll(plan, []byte(line)), 0o644)
}

// slice is how often it is looked how far a throttled process has come.
const slice = 20 * time.Millisecond

// throttle lets pg_basebackup in the folder write as much in any time as it takes to need that long for all, until ctx
// ends: a disk or a network that is slow. What it is stopped for alone would not do: buffers fill meanwhile.
func throttle(ctx context.Context, dir string, whole time.Duration) {
	var began time.Time
	size := sizeOf(filepath.Join(dir, "servers"))
	for {
		pids := copying(dir)
		if len(pids) > 0 && began.IsZero() {
			began = time.Now()
		}
		now := syscall.SIGCONT
		if float64(wrote(pids)) > float64(size)*time.Since(began).Seconds()/whole.Seconds() {
			now = syscall.SIGSTOP
		}
		signalAll(pids, now)
		if pause(ctx, slice) {
			signalAll(pids, syscall.SIGCONT)
			return
		}
	}
}

// sizeOf is how many bytes lie below a folder, or a link to one.
func sizeOf(dir string) (n int64) {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return 0
	}
	_ = filepath.WalkDir(real, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil { // it may be gone
			n += info.Size()
		}
		return nil
	})
	return n
}

// wrote is how many bytes these processes have written, wherever to (proc(5), wchar).
func wrote(pids []int) (n int64) {
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			if text, ok := strings.CutPrefix(line, "wchar:"); ok {
				bytes, _ := strconv.ParseInt(strings.TrimSpace(text), 10, 64) // the kernel writes a number
				n += bytes
			}
		}
	}
	return n
}

func pause(ctx context.Context, d time.Duration) (ended bool) {
	select {
	case <-ctx.Done():
		return true
	case <-time.After(d):
		return false
	}
}

func signalAll(pids []int, s syscall.Signal) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, s) // it may have ended
	}
}

// copying are the processes of pg_basebackup that write into the demo's folder.
func copying(dir string) (pids []int) {
	real, err := filepath.EvalSymlinks(filepath.Join(dir, "servers"))
	if err != nil {
		return nil
	}
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range all {
		b, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(b, []byte("pg_basebackup")) {
			continue
		}
		if text := string(b); strings.Contains(text, real) || strings.Contains(text, filepath.Join(dir, "servers")) {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
