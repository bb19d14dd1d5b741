package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/demo"
	"github.com/lullhq/lull/internal/pgserver"
)

// SwitchOptions are the size of the comparison.
type SwitchOptions struct {
	Runs    int
	Demo    demo.Options // Dir, Scale, Rate, Clients, Self
	Out     io.Writer
	Figures string // the file to write
}

// measured is one run: Lull's switch, then the same upgrade by hand on the same data.
type measured struct {
	Hold     float64 `json:"hold_ms"`
	Longest  float64 `json:"longest_hold_ms"`
	Failed   float64 `json:"failed"`
	Lost     float64 `json:"lost_commits"`
	LinkDown float64 `json:"-"`
}

// Switch compares how long clients wait: in Lull's hold, and while the server is down for
// pg_upgrade --link with stop, start and analyze.
func Switch(ctx context.Context, o SwitchOptions) error {
	var all []measured
	for n := range o.Runs {
		m, err := switchOnce(ctx, o)
		if err != nil {
			return fmt.Errorf("run %d: %w", n+1, err)
		}
		fmt.Fprintf(o.Out, "run %d of %d: held %.1f ms, longest wait of a client %.1f ms, %.0f failed, %.0f lost; pg_upgrade --link down for %.0f ms\n",
			n+1, o.Runs, m.Hold, m.Longest, m.Failed, m.Lost, m.LinkDown)
		all = append(all, m)
	}
	rows := switchRows(all)
	if err := Print(o.Out, rows); err != nil {
		return err
	}
	return Write(o.Figures, rows)
}

func switchRows(all []measured) []Row {
	column := func(key, title string, of func(measured) float64) Row { return columnOf(all, key, title, of) }
	return []Row{
		column("hold_ms", "clients held, ms", func(m measured) float64 { return m.Hold }),
		column("longest_hold_ms", "longest wait of a client, ms", func(m measured) float64 { return m.Longest }),
		column("failed", "failed statements", func(m measured) float64 { return m.Failed }),
		column("lost_commits", "lost commits", func(m measured) float64 { return m.Lost }),
		column("pg_upgrade_link_down_ms", "pg_upgrade --link: down, ms", func(m measured) float64 { return m.LinkDown }),
		column("ratio", "pg_upgrade --link to hold, times", func(m measured) float64 { return m.LinkDown / m.Hold }),
	}
}

func switchOnce(ctx context.Context, o SwitchOptions) (m measured, err error) {
	log, err := os.Create(o.Demo.Dir + ".log")
	if err != nil {
		return m, fmt.Errorf("keep what the demo says: %w", err)
	}
	defer log.Close()
	d := o.Demo
	d.Out = log
	// A broken promise is a figure here: it is in the result as well.
	failed := demo.Run(ctx, d)
	b, err := os.ReadFile(filepath.Join(o.Demo.Dir, "result.json"))
	if err != nil {
		return m, errors.Join(failed, fmt.Errorf("read the demo's result: %w", err))
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("read the demo's result: %w", err)
	}
	m.LinkDown, err = linkDown(ctx, o.Demo.Dir, o.Demo.Majors)
	return m, err
}

// linkDown upgrades the source that the demo has left, stopped and with all its data, in the ordinary way.
func linkDown(ctx context.Context, dir string, majors demo.Majors) (float64, error) {
	servers, err := filepath.EvalSymlinks(filepath.Join(dir, "servers"))
	if err == nil {
		servers, err = filepath.Abs(servers)
	}
	if err != nil {
		return 0, fmt.Errorf("find the demo's servers: %w", err)
	}
	password, err := os.ReadFile(filepath.Join(dir, "secrets", "lull"))
	if err != nil {
		return 0, fmt.Errorf("read the demo's password: %w", err)
	}
	l := byHand{servers: servers, password: strings.TrimSpace(string(password))}
	if l.old, l.new, err = l.pair(majors); err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(l.new.Data) }()
	return l.measure(ctx)
}

// byHand is an upgrade as the manual has it (pg_upgrade, "Usage").
type byHand struct {
	servers, password string
	old, new          pgserver.Server
}

func (l byHand) pair(majors demo.Majors) (old, next pgserver.Server, err error) {
	from, err := pgserver.Find(majors.From)
	if err != nil {
		return old, next, err
	}
	to, err := pgserver.Find(majors.To)
	if err != nil {
		return old, next, err
	}
	ports, err := pgserver.FreePorts(2)
	if err != nil {
		return old, next, err
	}
	old = pgserver.Server{Install: from, Data: filepath.Join(l.servers, fmt.Sprintf("pg%d", majors.From)), Port: ports[0]}
	next = pgserver.Server{Install: to, Data: filepath.Join(l.servers, fmt.Sprintf("link%d", majors.To)), Port: ports[1]}
	return old, next, nil
}

// measure counts from the stop of the old server to the end of ANALYZE on the new one.
// initdb and the checks of pg_upgrade can be done before, and are not counted.
func (l byHand) measure(ctx context.Context) (ms float64, err error) {
	if err := l.old.Start(ctx, nil); err != nil {
		return 0, err
	}
	if err := l.new.Init(ctx, pgserver.InitOptions{Superuser: "lull", Checksums: true}); err != nil {
		return 0, err
	}
	sockets, err := l.new.Owner.TempDir()
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(sockets) }()
	began := time.Now()
	if err := l.old.Stop(ctx, "fast"); err != nil {
		return 0, err
	}
	if err := l.do(ctx, sockets, "pg_upgrade", "--old-bindir", l.old.Bin, "--new-bindir", l.new.Bin, "--old-datadir", l.old.Data, "--new-datadir", l.new.Data,
		"--username", "lull", "--link", "--jobs", "2", "--socketdir", sockets); err != nil {
		return 0, err
	}
	if err := l.new.Start(ctx, map[string]string{"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "shared_preload_libraries": "pg_stat_statements"}); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, l.new.Stop(context.WithoutCancel(ctx), "fast")) }()
	if err := l.do(ctx, sockets, "vacuumdb", "--host", "127.0.0.1", "--port", strconv.Itoa(l.new.Port), "--username", "lull", "--all", "--analyze-in-stages", "--jobs", "2"); err != nil {
		return 0, err
	}
	return float64(time.Since(began).Microseconds()) / 1000, nil
}

func (l byHand) do(ctx context.Context, dir, program string, args ...string) error {
	cmd := l.new.Command(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Env, "PGPASSWORD="+l.password)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run %s: %w: %s", program, err, out)
	}
	return nil
}
