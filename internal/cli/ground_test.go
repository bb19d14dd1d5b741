package cli_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgserver"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
)

// ground is what the scripts share. No script changes it.
type ground struct {
	ctx     context.Context
	dirs    string            // where Lull finds the programs of both versions
	owner   pgserver.Owner    // the user of the servers
	lacking int               // a major version that this machine does not have; 0 = it has all
	vars    map[string]string // for every script
	secrets []string
	eyes    *eyes
}

func newGround(t *testing.T) *ground {
	t.Helper()
	sound := startSource(t, pgtest.Options{})
	minimal := startSource(t, pgtest.Options{WALLevel: "replica"})
	minimal.Exec(t, "postgres", "CREATE DATABASE ledger") // for scripts to write into: nobody looks there
	crowded := startSource(t, pgtest.Options{Settings: map[string]string{"max_replication_slots": "1"}})
	pooler := pgtest.StartBouncer(t, sound, pgtest.BouncerOptions{Users: map[string]string{"watcher": "watcher"}, Settings: map[string]string{"stats_users": "watcher"}}, "app", "shop")
	sessions := pgtest.StartBouncer(t, sound, pgtest.BouncerOptions{Settings: map[string]string{"pool_mode": "session"}}, "app", "shop")
	target := pgtest.Install(t, 17)
	g := &ground{
		ctx: t.Context(), owner: target.Owner, lacking: lacking(), secrets: []string{sound.Password},
		dirs: strings.Join([]string{sound.Bin, target.Bin}, string(filepath.ListSeparator)),
		vars: map[string]string{
			"PORT": strconv.Itoa(sound.Port), "REPLICA_PORT": strconv.Itoa(minimal.Port), "CROWDED_PORT": strconv.Itoa(crowded.Port),
			"NEW_BIN":     target.Bin,
			"BIN":         "\n    bin: [" + sound.Bin + "]",
			"POOLER_PORT": strconv.Itoa(pooler.Port), "POOLER_CONFIG": pooler.Config(),
			"SESSION_PORT": strconv.Itoa(sessions.Port), "SESSION_CONFIG": sessions.Config(),
		},
	}
	g.eyes = open(t, []*pgtest.Server{sound, minimal, crowded}, []*pgtest.Bouncer{pooler, sessions})
	return g
}

func startSource(t *testing.T, o pgtest.Options) *pgtest.Server {
	t.Helper()
	o.Databases = []string{"app", "shop"}
	s := pgtest.Start(t, 13, o)
	for _, db := range o.Databases {
		s.Exec(t, db, `CREATE TABLE customer (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text)`, `CREATE TABLE note (text text)`)
	}
	return s
}

// lacking looks for a version to ask for in vain.
func lacking() int {
	for major := 18; major > 13; major-- {
		if _, err := pgserver.Find(major); err != nil {
			return major
		}
	}
	return 0
}

// findPostgres is a program of its own, because what is found depends on where it is asked for.
func findPostgres() {
	major, err := strconv.Atoi(os.Args[1])
	if err == nil {
		_, err = pgserver.Find(major)
	}
	if err != nil {
		os.Exit(1)
	}
}

// setup lays a script's own files: a lull.yaml and a plan that are sound, and a site.
func (g *ground) setup(env *testscript.Env) error {
	dir, err := g.owner.TempDir()
	if err != nil {
		return err
	}
	env.Defer(func() { _ = os.RemoveAll(dir) })
	ports, err := pgserver.FreePorts(2)
	if err != nil {
		return err
	}
	for name, value := range g.vars {
		env.Setenv(name, value)
	}
	env.Setenv("PASSWORD", g.secrets[0])
	env.Setenv("TARGET", dir)
	env.Setenv("TARGET_PORT", strconv.Itoa(ports[0]))
	env.Setenv("PAGE_PORT", strconv.Itoa(ports[1]))
	env.Setenv("UNSHARE", mounts())
	env.Setenv("LACKING", strconv.Itoa(g.lacking))
	env.Setenv(pgserver.DirsVariable, g.dirs)
	env.Setenv("TZ", "UTC")
	env.Setenv("HOME", env.WorkDir)
	env.Setenv(saidVariable, filepath.Join(env.WorkDir, ".said"))
	now := time.Now().UTC()
	env.Setenv("OPEN", now.Add(-time.Hour).Format(maint.WallLayout))
	env.Setenv("AHEAD", now.Add(48*time.Hour).Format(maint.WallLayout))
	env.Setenv("OVER", now.Add(-48*time.Hour).Format(maint.WallLayout))
	env.Values[environment{}] = env
	env.Defer(func() { g.searchSecrets(env) })
	return g.lay(env)
}

// lay writes the files. What a script brings itself stays.
func (g *ground) lay(env *testscript.Env) error {
	files := map[string]string{"secrets/lull": g.secrets[0] + "\n", "secrets/pooler": g.secrets[0] + "\n", "secrets/wrong": "wrong\n"}
	for _, name := range []string{"lull.yaml", "plan.yaml", "sites/www/_data/banner_notification.yml"} {
		text, err := os.ReadFile(filepath.Join("testdata", "ground", name))
		if err != nil {
			return err
		}
		files[name] = os.Expand(string(text), env.Getenv)
	}
	for name, text := range files {
		path := filepath.Join(env.WorkDir, name)
		if _, err := os.Stat(path); err == nil {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return commitSite(filepath.Join(env.WorkDir, "sites", "www"))
}

func commitSite(dir string) error {
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch=main", "--template="}, {"config", "user.name", "Ann Author"}, {"config", "user.email", "ann@example.com"},
		{"add", "."}, {"commit", "--quiet", "-m", "Begin"},
	} {
		if out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			return fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, out)
		}
	}
	return nil
}

// searchSecrets reads all that lull printed and wrote in the script's folder.
func (g *ground) searchSecrets(env *testscript.Env) {
	err := filepath.WalkDir(env.WorkDir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && d.Name() == "secrets" {
				return filepath.SkipDir
			}
			return err
		}
		content, err := os.ReadFile(path)
		for _, secret := range g.secrets {
			if strings.Contains(string(content), secret) {
				return fmt.Errorf("%s holds a password:\n%s", path, content)
			}
		}
		return err
	})
	if err != nil {
		env.T().Fatal(err)
	}
}

// occupy listens on a port of the loopback address until the script ends.
func occupy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: occupy PORT")
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", args[0]))
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
}

const patience = 3 * time.Minute

// fetch asks an address until it answers, and demands that the answer holds some text.
func fetch(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: fetch URL TEXT")
	}
	var last error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		var body string
		if body, last = get(args[0]); last == nil {
			if !strings.Contains(body, args[1]) {
				ts.Fatalf("%s does not hold %q:\n%s", args[0], args[1], body)
			}
			return
		}
	}
	ts.Fatalf("%s: %v", args[0], last)
}

// appendFile writes the end of one file to another.
func appendFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: append FILE MORE")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(ts.ReadFile(args[0])+ts.ReadFile(args[1])), 0o600))
}

// delivered waits until the list of deliveries holds some text.
func delivered(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: delivered TEXT")
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		ts.Check(ts.Exec("lull", "deliveries", "list"))
		if strings.Contains(ts.ReadFile("stdout"), args[0]) {
			return
		}
	}
	ts.Fatalf("no delivery comes to say %q", args[0])
}

// mounts is how unshare gives a name space to mount in. Anybody but root needs one of users too.
func mounts() string {
	if os.Geteuid() == 0 {
		return "-m"
	}
	return "-Urm"
}

// await waits until a file holds some text.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await FILE TEXT")
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && strings.Contains(string(text), args[1]) {
			return
		}
	}
	ts.Fatalf("%s does not come to hold %q", args[0], args[1])
}

// condition tells what this machine allows.
func condition(name string) (bool, error) {
	switch name {
	case "mounts": // a file system of one's own
		return exec.Command("unshare", mounts(), "true").Run() == nil, nil
	case "complete": // every version that there is to ask for
		return lacking() == 0, nil
	case "bare": // the source's version is nowhere but where LULL_PG_DIRS says
		cmd := exec.Command("find-postgres", "13")
		cmd.Dir, cmd.Env = os.TempDir(), append(os.Environ(), pgserver.DirsVariable+"=")
		return cmd.Run() != nil, nil
	}
	return false, fmt.Errorf("unknown condition %s", name)
}

func get(url string) (string, error) {
	answer, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return string(body), err
}
