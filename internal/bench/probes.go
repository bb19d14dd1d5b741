package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/probe"
)

// ProbesOptions are the size of the measurement.
type ProbesOptions struct {
	Runs    int
	Load    ProbeLoad
	Self    string // this program, which is the servers and the prober of each run as well
	Out     io.Writer
	Figures string // the file to write
}

// ProbeLoad is what the prober of one run is to do.
type ProbeLoad struct {
	Servers []string      `json:"servers"` // host:port
	Targets int           `json:"targets"`
	Every   time.Duration `json:"every"`
	Warm    time.Duration `json:"warm"`    // not counted
	Measure time.Duration `json:"measure"` // counted
}

// probed is what came of one run.
type probed struct {
	Looks    int     `json:"looks"`
	Failures int     `json:"failures"`
	P99      float64 `json:"jitter_p99_ms"`
	Max      float64 `json:"jitter_max_ms"`
	RSS      float64 `json:"rss_mb"`
	CPU      float64 `json:"cpu_s"`
}

// Words of this program that make it one part of the measurement.
const (
	ProbeServers = "probes-servers"
	ProbeRun     = "probes-run"
)

// Probes measures how late probes begin, and what memory they take, with many targets. The
// servers that are asked are a process of their own, and so is the prober of each run.
func Probes(ctx context.Context, o ProbesOptions) (err error) {
	servers, stop, err := startServers(ctx, o.Self)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	o.Load.Servers = servers
	var all []probed
	for n := range o.Runs {
		r, err := probeOnce(ctx, o)
		if err != nil {
			return fmt.Errorf("run %d: %w", n+1, err)
		}
		fmt.Fprintf(o.Out, "run %d of %d: %d looks, %d failed; 99 of 100 began within %.1f ms of their time, the last one after %.1f ms; %.0f MB, %.1f s of processor\n",
			n+1, o.Runs, r.Looks, r.Failures, r.P99, r.Max, r.RSS, r.CPU)
		all = append(all, r)
	}
	rows := probeRows(o.Load, all)
	if err := Print(o.Out, rows); err != nil {
		return err
	}
	return Write(o.Figures, rows)
}

func probeRows(l ProbeLoad, all []probed) []Row {
	column := func(key, title string, of func(probed) float64) Row {
		var values []float64
		for _, r := range all {
			values = append(values, of(r))
		}
		return Row{Key: key, Title: title, Figure: Of(values)}
	}
	return []Row{
		column("targets", "targets", func(probed) float64 { return float64(l.Targets) }),
		column("interval_s", "interval, s", func(probed) float64 { return l.Every.Seconds() }),
		column("rss_mb", "most memory, MB", func(r probed) float64 { return r.RSS }),
		column("jitter_p99_ms", "begun late, p99, ms", func(r probed) float64 { return r.P99 }),
		column("jitter_max_ms", "begun late, most, ms", func(r probed) float64 { return r.Max }),
		column("probes", "looks", func(r probed) float64 { return float64(r.Looks) }),
		column("failures", "failed", func(r probed) float64 { return float64(r.Failures) }),
		column("cpu_s", "processor, s", func(r probed) float64 { return r.CPU }),
	}
}

func probeOnce(ctx context.Context, o ProbesOptions) (r probed, err error) {
	load, err := json.Marshal(o.Load)
	if err != nil {
		return r, err
	}
	cmd := exec.CommandContext(ctx, o.Self, ProbeRun)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(load), os.Stderr
	said, err := cmd.Output()
	if err != nil {
		return r, fmt.Errorf("run the prober: %w", err)
	}
	if err := json.Unmarshal(said, &r); err != nil {
		return r, fmt.Errorf("read what the prober says: %w", err)
	}
	return r, nil
}

// RunProbes is the prober of one run: it reads a ProbeLoad and writes what came of it.
func RunProbes(ctx context.Context, in io.Reader, out io.Writer) error {
	var l ProbeLoad
	if err := json.NewDecoder(in).Decode(&l); err != nil {
		return fmt.Errorf("read what to do: %w", err)
	}
	if len(l.Servers) == 0 || l.Every <= 0 {
		return errors.New("read what to do: no servers, or no interval")
	}
	var mu sync.Mutex
	var late []time.Duration
	var r probed
	from := time.Now().Add(l.Warm)
	m := probe.NewMonitor(l.probes(), func(probe.Conclusion) {})
	m.Watch = func(due time.Time, f probe.Finding) {
		if due.Before(from) {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if late = append(late, f.Began.Sub(due)); f.Err != nil {
			r.Failures++
		}
	}
	before := processorTime()
	ctx, cancel := context.WithTimeout(ctx, l.Warm+l.Measure)
	defer cancel()
	m.Run(ctx)
	if r.Looks = len(late); r.Looks == 0 {
		return errors.New("nothing was looked at: the run was too short")
	}
	slices.Sort(late)
	r.P99, r.Max, r.CPU = millis(late[len(late)*99/100]), millis(late[len(late)-1]), (processorTime() - before).Seconds()
	var err error
	if r.RSS, err = mostMemory(); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(r)
}

// probes spreads the targets over the servers: each is an address of its own.
func (l ProbeLoad) probes() []probe.Probe {
	out := make([]probe.Probe, l.Targets)
	for i := range out {
		url := fmt.Sprintf("http://%s/target/%d", l.Servers[i%len(l.Servers)], i)
		out[i] = probe.Probe{
			Component: strconv.Itoa(i), Kind: "http", Where: url, Every: l.Every, Timeout: 5 * time.Second, Confirm: 2, Impact: maint.MajorOutage,
			Looker: probe.HTTP{URL: url, Expect: []probe.Statuses{{From: 200, To: 200}}, Contains: "well"},
		}
	}
	return out
}

// mostMemory is the most that this process has had in memory (proc(5), VmHWM), in MB.
func mostMemory() (float64, error) {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, fmt.Errorf("read the memory of the process: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 64)
			return kb * 1024 / 1e6, err
		}
	}
	return 0, errors.New("read the memory of the process: the system does not tell")
}

// processorTime is what this process has used.
func processorTime() time.Duration {
	var own syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &own) // cannot fail with these arguments: getrusage(2)
	return time.Duration(own.Utime.Nano() + own.Stime.Nano())
}
