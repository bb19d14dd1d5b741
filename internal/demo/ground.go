package demo

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lullhq/lull/internal/pgserver"
)

// Majors are the versions that the demo moves between.
type Majors struct{ From, To int }

// Roles and the database of the ground.
const (
	superuser = "lull"
	appRole   = "app"
	database  = "app"
)

// Ground is the throw-away source, with a pooler in front.
type Ground struct {
	Dir     string // absolute
	Servers string // what must lie where the servers' user can reach it
	Source  pgserver.Server
	Pooler  pgserver.PgBouncer
	Tools   pgserver.Install // of the newer version: its client programs
	Target  pgserver.Server  // where the plan says the new server goes; nothing is there yet

	passwords map[string]string
}

// Lay makes the ground: it is up and filled when it returns. Stop ends it.
func Lay(ctx context.Context, dir string, majors Majors, scale int) (*Ground, error) {
	g, err := Survey(ctx, dir, majors)
	if err != nil {
		return nil, err
	}
	if err := g.Build(ctx, scale); err != nil {
		return nil, errors.Join(err, g.Stop(context.WithoutCancel(ctx)))
	}
	return g, nil
}

// Survey finds the programs, removes what an earlier demo left, and settles where
// everything will be. Nothing is touched when a program is missing.
func Survey(ctx context.Context, dir string, majors Majors) (*Ground, error) {
	g, err := find(dir, majors)
	if err != nil {
		return nil, err
	}
	if err := g.clear(ctx); err != nil {
		return nil, err
	}
	if err := g.folders(); err != nil {
		return nil, err
	}
	ports, err := pgserver.FreePorts(3)
	if err != nil {
		return nil, err
	}
	g.Source.Data, g.Source.Port = filepath.Join(g.Servers, fmt.Sprintf("pg%d", majors.From)), ports[0]
	g.Target.Data, g.Target.Port = filepath.Join(g.Servers, fmt.Sprintf("pg%d", majors.To)), ports[1]
	g.Pooler.Dir, g.Pooler.Port = filepath.Join(g.Servers, "pgbouncer"), ports[2]
	return g, nil
}

// Build starts and fills the source, and starts the pooler in front of it.
func (g *Ground) Build(ctx context.Context, scale int) error {
	if err := g.startSource(ctx); err != nil {
		return err
	}
	if err := g.fill(ctx, scale); err != nil {
		return err
	}
	return g.startPooler(ctx)
}

func find(dir string, majors Majors) (*Ground, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find the demo's folder: %w", err)
	}
	g := &Ground{Dir: dir, passwords: map[string]string{superuser: rand.Text(), appRole: rand.Text()}}
	if g.Source.Install, err = pgserver.Find(majors.From); err != nil {
		return nil, err
	}
	if g.Tools, err = pgserver.Find(majors.To); err != nil {
		return nil, err
	}
	g.Target.Install = g.Tools
	g.Pooler.Owner = g.Source.Owner
	g.Pooler.Program, err = pgserver.FindPgBouncer()
	return g, err
}

// made are the patterns of names in the demo's folder that are its own, and that the next demo removes.
var made = []string{
	"servers", "sites", "live", "secrets", "lull.yaml", "plan.yaml", "lull.db*",
	"logs", "ledger", "ledger.statements", "ledger.summary", "post-mortem.md", "result.json",
}

// clear removes what an earlier demo left, and ends the servers of one that was killed.
func (g *Ground) clear(ctx context.Context) error {
	servers := filepath.Join(g.Dir, "servers")
	if real, err := filepath.EvalSymlinks(servers); err == nil {
		for _, in := range []pgserver.Install{g.Source.Install, g.Tools} {
			old := pgserver.Server{Install: in, Data: filepath.Join(real, fmt.Sprintf("pg%d", in.Major))}
			if err := stopLeftover(ctx, old); err != nil {
				return err
			}
		}
		if err := os.RemoveAll(real); err != nil {
			return fmt.Errorf("remove the last demo: %w", err)
		}
	}
	entries, err := os.ReadDir(g.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the last demo: %w", err)
	}
	for _, e := range entries {
		if !isMade(e.Name()) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(g.Dir, e.Name())); err != nil {
			return fmt.Errorf("remove the last demo: %w", err)
		}
	}
	return nil
}

func isMade(name string) bool {
	return slices.ContainsFunc(made, func(pattern string) bool {
		ok, _ := filepath.Match(pattern, name) // our own patterns are sound
		return ok
	})
}

// stopLeftover stops a server only if the process of its pid file works in its data folder:
// numbers of processes are given again.
func stopLeftover(ctx context.Context, s pgserver.Server) error {
	b, err := os.ReadFile(filepath.Join(s.Data, "postmaster.pid"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	pid, _, _ := strings.Cut(string(b), "\n")
	if at, err := os.Readlink(filepath.Join("/proc", pid, "cwd")); err == nil && at != s.Data {
		return nil
	}
	return s.Stop(ctx, "immediate")
}

// folders makes the demo's folder and, in it or linked from it, the servers'. Where the
// servers' user cannot come, such as below root's home, they lie in a temporary folder.
func (g *Ground) folders() error {
	if err := os.MkdirAll(filepath.Join(g.Dir, "logs"), 0o755); err != nil {
		return fmt.Errorf("make the demo's folder: %w", err)
	}
	g.Servers = filepath.Join(g.Dir, "servers")
	reached := g.Source.Owner.MkdirAll(g.Servers)
	if reached != nil {
		temp, err := g.Source.Owner.TempDir()
		if err != nil {
			return errors.Join(reached, err)
		}
		if err := errors.Join(os.RemoveAll(g.Servers), os.Symlink(temp, g.Servers)); err != nil {
			return fmt.Errorf("link the servers' folder: %w", err)
		}
		g.Servers = temp
	}
	return g.secrets()
}

// secrets writes the passwords where lull.yaml will say they are.
func (g *Ground) secrets() error {
	dir := filepath.Join(g.Dir, "secrets")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("keep the demo's passwords: %w", err)
	}
	for role, password := range g.passwords {
		if err := os.WriteFile(filepath.Join(dir, role), []byte(password+"\n"), 0o600); err != nil {
			return fmt.Errorf("keep the demo's passwords: %w", err)
		}
	}
	return nil
}

// SecretFile is where the password of a role is kept.
func (g *Ground) SecretFile(role string) string { return filepath.Join(g.Dir, "secrets", role) }

// settings are those of an ordinary small server. Durability is left as it comes: on.
var settings = map[string]string{
	"listen_addresses": "127.0.0.1", "unix_socket_directories": "",
	"shared_buffers": "128MB", "max_wal_size": "2GB", "random_page_cost": "1.1", "effective_io_concurrency": "100",
	"wal_level": "logical", "max_wal_senders": "10", "max_replication_slots": "10", "max_connections": "120",
	"shared_preload_libraries": "pg_stat_statements", "log_min_duration_statement": "1s", "log_lock_waits": "on",
}

func (g *Ground) startSource(ctx context.Context) error {
	init := pgserver.InitOptions{Superuser: superuser, Password: g.passwords[superuser], Checksums: true, Args: []string{"--no-sync"}}
	if err := g.Source.Init(ctx, init); err != nil {
		return err
	}
	path := filepath.Join(g.Source.Data, "postgresql.conf")
	conf, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("configure the source: %w", err)
	}
	out := bytes.NewBuffer(conf)
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(out, "%s = '%s'\n", name, settings[name])
	}
	fmt.Fprintf(out, "port = %d\n", g.Source.Port)
	if err := g.Source.Owner.WriteFile(path, out.Bytes()); err != nil {
		return err
	}
	return g.Source.Spawn(ctx, nil)
}

// startPooler gives the pooler the roles' SCRAM secrets and no passwords, as careful operators
// do. It then logs in with what the client proved, and need not derive keys from a password
// (4096 rounds) for every connection that it makes.
func (g *Ground) startPooler(ctx context.Context) error {
	secrets, err := g.scramSecrets(ctx)
	if err != nil {
		return err
	}
	err = g.Pooler.Configure(pgserver.Pooling{
		Databases: map[string]string{database: fmt.Sprintf("host=127.0.0.1 port=%d dbname=%s", g.Source.Port, database)},
		Users:     secrets,
		Settings:  map[string]string{"admin_users": superuser, "default_pool_size": "8"},
	})
	if err != nil {
		return err
	}
	return g.Pooler.Spawn(ctx)
}

// AppDSN is how the application reaches its database, through the pooler and without a password.
func (g *Ground) AppDSN() string { return g.Pooler.DSN(database, appRole) }

// withPassword completes a connection string for this program's own use.
func (g *Ground) withPassword(dsn, role string) string { return dsn + " password=" + g.passwords[role] }

// Stop ends all that runs on the ground, whoever started it. Its files stay.
func (g *Ground) Stop(ctx context.Context) error {
	failed := g.Pooler.Stop(ctx)
	for _, s := range []pgserver.Server{g.Target, g.Source} {
		if _, err := os.Stat(s.Data); err == nil {
			failed = errors.Join(failed, s.Stop(ctx, "fast"))
		}
	}
	return failed
}
