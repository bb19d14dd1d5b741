package e2e

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/pgserver"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
)

// replicas are two `lull serve` on one store in Postgres, behind the HAProxy of docs/examples/replicas.
type replicas struct {
	dir    string
	lull   string
	store  *pgtest.Server
	public string // the address that readers know
	admin  string // HAProxy's socket
	each   [2]*replica
}

type replica struct {
	name   string // as HAProxy calls it
	url    string
	config string
	cmd    *exec.Cmd
}

func layReplicas(t *testing.T) *replicas {
	t.Helper()
	dir, err := os.MkdirTemp("", "lull") // short: a socket's path may have 100 bytes or so
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	ports, err := pgserver.FreePorts(3)
	must(t, err)
	r := &replicas{
		dir: dir, lull: program(t), store: pgtest.Start(t, toMajor, pgtest.Options{Databases: []string{"lull"}}),
		public: fmt.Sprintf("http://127.0.0.1:%d", ports[0]), admin: filepath.Join(dir, "admin.sock"),
	}
	must(t, os.WriteFile(filepath.Join(dir, "secret"), []byte(r.store.Password+"\n"), 0o600))
	for i, name := range []string{"first", "second"} {
		r.each[i] = &replica{name: name, url: fmt.Sprintf("http://127.0.0.1:%d", ports[i+1]), config: filepath.Join(dir, name+".yaml")}
		must(t, os.WriteFile(r.each[i].config, []byte(fmt.Sprintf(`organization: Example
store: {dsn: "%s", password_file: secret}
server: {listen: "127.0.0.1:%d", url: "%s"}
components:
  app: {name: App}
`, r.store.Server.DSN("lull", pgtest.Superuser), ports[i+1], r.public)), 0o600))
		r.serve(t, r.each[i])
	}
	r.balance(t, ports[0], ports[1:])
	return r
}

// serve starts a replica. It ends with the test.
func (r *replicas) serve(t *testing.T, x *replica) {
	t.Helper()
	x.cmd = exec.Command(r.lull, "--config", x.config, "serve")
	x.cmd.Stderr = os.Stderr
	must(t, x.cmd.Start())
	cmd := x.cmd
	t.Cleanup(func() { kill(cmd) })
	eventually(t, "the page of "+x.name, func() bool { return health(t, x.url) == "ok" })
}

// kill is kill -9. Twice is legal.
func kill(cmd *exec.Cmd) {
	if cmd.ProcessState == nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	}
}

// balance starts HAProxy with the manual's configuration, which has other addresses.
func (r *replicas) balance(t *testing.T, port int, servers []int) {
	t.Helper()
	conf, err := os.ReadFile("../../docs/examples/replicas/haproxy.cfg")
	must(t, err)
	for begins, line := range map[string]string{
		"    stats socket ":  "    stats socket " + r.admin + " mode 600 level admin",
		"    bind ":          fmt.Sprintf("    bind 127.0.0.1:%d", port),
		"    server first ":  fmt.Sprintf("    server first 127.0.0.1:%d", servers[0]),
		"    server second ": fmt.Sprintf("    server second 127.0.0.1:%d", servers[1]),
	} {
		re := regexp.MustCompile("(?m)^" + regexp.QuoteMeta(begins) + ".*$")
		if !re.Match(conf) {
			t.Fatalf("the manual's haproxy.cfg has no line that begins with %q", begins)
		}
		conf = re.ReplaceAllLiteral(conf, []byte(line))
	}
	file := filepath.Join(r.dir, "haproxy.cfg")
	must(t, os.WriteFile(file, conf, 0o600))
	haproxy, err := pgserver.FindHAProxy()
	if err != nil {
		t.Fatalf("%v\nIn a checkout: make setup.", err)
	}
	cmd := exec.Command(haproxy, "-db", "-f", file)
	cmd.Stderr = os.Stderr
	must(t, cmd.Start())
	t.Cleanup(func() { kill(cmd) })
	for _, x := range r.each {
		eventually(t, "HAProxy finding "+x.name, func() bool { return strings.HasPrefix(r.noticed(t, x), "UP") })
	}
}

// noticed is what HAProxy thinks of a replica (management guide, section 9.1: svname and status of "show stat").
func (r *replicas) noticed(t *testing.T, x *replica) string {
	t.Helper()
	conn, err := net.Dial("unix", r.admin)
	if err != nil {
		return "" // not yet
	}
	defer conn.Close()
	_, err = io.WriteString(conn, "show stat\n")
	must(t, err)
	lines, err := csv.NewReader(conn).ReadAll()
	must(t, err)
	for _, l := range lines {
		if l[1] == x.name {
			return l[17]
		}
	}
	return ""
}

// say adds an entry that everybody may read, by a command on one of the replicas' machines.
func (r *replicas) say(t *testing.T, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, r.lull, append([]string{"--config", r.each[0].config, "incident"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("lull incident %v: %v: %s", args, err, out)
	}
}

func (r *replicas) update(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		r.say(t, "update", "slow", "--text", fmt.Sprintf("Word %d.", i))
	}
}

// answer is what a server says to a question.
type answer struct {
	status int
	etag   string
	body   string
}

func ask(t *testing.T, url, etag string) (answer, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	must(t, err)
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return answer{status: res.StatusCode, etag: res.Header.Get("ETag"), body: string(body)}, err
}
