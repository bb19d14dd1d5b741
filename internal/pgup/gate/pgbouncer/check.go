package pgbouncer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup/gate"
)

// The findings of Check.
const (
	PoolerLogin     = "pooler-login"      // the console cannot be reached
	PoolerAdmin     = "pooler-admin"      // the user may look, but not pause
	PoolerVersion   = "pooler-version"    // older than what this was tried with
	PoolerSiblings  = "pooler-siblings"   // several processes share the port: the console reaches one of them
	PoolerPaused    = "pooler-paused"     // somebody's PAUSE is in force
	PoolerSession   = "pooler-session"    // session pooling: a hold would wait for clients to leave
	PoolerWait      = "pooler-wait"       // waiting clients would be thrown out
	PoolerFile      = "pooler-file"       // the configuration cannot be read or edited
	PoolerFileOther = "pooler-file-other" // the pooler was started with another file
	PoolerFileWrite = "pooler-file-write" // the configuration cannot be replaced
	PoolerEntries   = "pooler-entries"    // the entries of the file and of the pooler differ, or none is the source's
	PoolerTarget    = "pooler-target"     // an entry points at the target already
	PoolerSignal    = "pooler-signal"     // its process cannot be told anything past the console
)

// check collects what was found.
type check struct {
	g      *Gate
	config map[string]string // SHOW CONFIG
	found  []gate.Finding
}

// Check looks for what would keep the clients from being held and moved. It changes nothing.
func (g *Gate) Check(ctx context.Context, holdBudget time.Duration) []gate.Finding {
	c := &check{g: g}
	if c.console(ctx) {
		c.version(ctx)
		c.siblings()
		c.session(ctx)
		c.wait(holdBudget)
		c.signal()
	}
	c.file(ctx)
	return c.found
}

func (c *check) add(id, next, format string, args ...any) {
	text := fmt.Sprintf("Pooler %s: ", c.g.name) + fmt.Sprintf(format, args...)
	c.found = append(c.found, gate.Finding{ID: id, Blocks: true, Text: text, Hint: next})
}

func (c *check) warn(id, next, format string, args ...any) {
	c.add(id, next, format, args...)
	c.found[len(c.found)-1].Blocks = false
}

// console finds out whether the user may look and pause.
func (c *check) console(ctx context.Context) bool {
	config, err := c.g.main.settings(ctx)
	if err != nil {
		c.add(PoolerLogin, loginHint(err), "the admin console does not let us in: %v.", err)
		return false
	}
	c.config = config
	held, err := c.g.main.paused(ctx)
	switch {
	case !c.g.main.mayPause(ctx):
		c.add(PoolerAdmin, "add the user to admin_users and RELOAD", "user %s may look but not pause (admin_users is %q).", c.g.main.cfg.User, c.config["admin_users"])
	case err != nil:
		c.add(PoolerAdmin, "see the pooler's log", "cannot tell whether it is paused: %v.", err)
	case held:
		c.add(PoolerPaused, "find out who paused it; RESUME in its admin console ends that", "it is paused or suspended, and not by this maintenance.")
	}
	return true
}

func loginHint(err error) string {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return "check user and password of the pooler's admin entry in lull.yaml, and the pooler's admin_users and auth_file"
	}
	return "check host and port of the pooler's admin entry in lull.yaml, and that the pooler runs"
}

func (c *check) version(ctx context.Context) {
	text := "" // an old one tells it in a notice
	if rows, err := c.g.main.run(ctx, "SHOW VERSION"); err == nil && len(rows) > 0 {
		text = rows[0]["version"]
	}
	major, minor, ok := readVersion(text)
	if !ok || major == 1 && minor < 18 || major < 1 {
		c.warn(PoolerVersion, "rehearse the switch before the day", "%q is not among the versions this was tried with (1.18 and later).", text)
	}
}

// siblings share a port by so_reuseport, and PAUSE holds only the clients of one.
func (c *check) siblings() {
	if n := c.config["so_reuseport"]; n != "" && n != "0" {
		c.add(PoolerSiblings, "give every process its own console address and list each as a pooler, or run one process",
			"it may share its port with others (so_reuseport), and a hold reaches one process only.")
	}
}

// readVersion reads "PgBouncer 1.24.1" and, before 1.12, "PgBouncer version 1.8".
func readVersion(s string) (major, minor int, ok bool) {
	words := strings.Fields(s)
	if len(words) == 0 {
		return 0, 0, false
	}
	parts := strings.SplitN(words[len(words)-1], ".", 3)
	if len(parts) < 2 {
		return 0, 0, false
	}
	major, err1 := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	return major, minor, err1 == nil && err2 == nil
}

// session looks for pools that PAUSE would wait for until their clients leave, and for
// databases paused one by one. PAUSE is for all of them, so every one counts.
func (c *check) session(ctx context.Context) {
	var where []string
	if c.config["pool_mode"] == "session" {
		where = append(where, "pool_mode")
	}
	for command, kind := range map[string]string{"SHOW DATABASES": "database ", "SHOW USERS": "user "} {
		rows, err := c.g.main.run(ctx, command)
		if err != nil {
			c.add(PoolerSession, "see the pooler's log", "cannot read its pool modes: %v.", err)
			return
		}
		for _, r := range rows {
			if r["pool_mode"] == "session" {
				where = append(where, kind+r["name"])
			}
			if r["paused"] == "1" {
				c.add(PoolerPaused, "find out who paused it; RESUME "+r["name"]+" in its admin console ends that", "database %s is paused.", r["name"])
			}
		}
	}
	if len(where) == 0 {
		return
	}
	slices.Sort(where)
	c.add(PoolerSession, "set pool_mode = transaction where the application allows it, or take session clients to a pooler of their own",
		"session pooling (%s). A hold would wait until those clients leave by themselves.", strings.Join(where, ", "))
}

func (c *check) wait(holdBudget time.Duration) {
	seconds, err := strconv.ParseFloat(c.config["query_wait_timeout"], 64)
	if err != nil || seconds == 0 {
		return
	}
	if limit := time.Duration(seconds * float64(time.Second)); limit < 2*holdBudget {
		c.add(PoolerWait, fmt.Sprintf("set query_wait_timeout to %.0f or more, or lower the plan's hold_budget", (2*holdBudget).Seconds()),
			"clients that wait for %s are thrown out (query_wait_timeout), and a hold may take %s.", limit, holdBudget)
	}
}

// signal looks for the way to the pooler that does not need its console.
func (c *check) signal() {
	if _, err := process(c.config["pidfile"]); err != nil {
		c.warn(PoolerSignal, "run lull as root or as the pooler's own user, and set pidfile to an absolute path",
			"its process cannot be signalled: %v. If its console falls silent while clients are held, they wait until it answers again.", err)
	}
}

// file looks at the configuration file, and compares it with what the pooler runs with.
func (c *check) file(ctx context.Context) {
	g := c.g
	b, err := g.file.read()
	if err != nil {
		c.add(PoolerFile, "let the user that lull runs as read the file", "%v.", err)
		return
	}
	_, names, err := redirect(b, g.atSource(ctx), g.to)
	if err != nil {
		c.add(PoolerFile, orElse(hint.Of(err), "correct the file"), "%s, %v.", g.file.path, err)
		return
	}
	if len(names) == 0 {
		c.refused(PoolerEntries, g.noEntry())
	}
	if err := g.file.writable(); err != nil {
		c.add(PoolerFileWrite, "let the user that lull runs as write in the file's folder, and keep the file's owner", "%v.", err)
	}
	if c.config != nil {
		c.running(ctx, names)
	}
}

func (c *check) running(ctx context.Context, names []string) {
	g := c.g
	if main, err := openConfig(c.config["conffile"]); err == nil && main != g.file && !g.included(main) {
		c.add(PoolerFileOther, "name that file in lull.yaml", "it was started with %s, which is not %s and does not include it.", main.path, g.file.path)
		return
	}
	running, err := g.runningAt(ctx, g.atSource(ctx))
	if err != nil {
		c.add(PoolerEntries, "see the pooler's log", "%v.", err)
		return
	}
	if err := g.agree(running, names); err != nil && len(names) > 0 {
		c.refused(PoolerEntries, err)
	}
	if there, err := g.runningAt(ctx, g.atTarget(ctx)); err == nil && len(there) > 0 {
		c.warn(PoolerTarget, "nothing, if that is meant", "%s already points at the new server. A way back would take it to the old one as well.", strings.Join(there, ", "))
	}
}

func (c *check) refused(id string, err error) { c.add(id, hint.Of(err), "%v.", err) }

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// included says whether another file includes ours. PgBouncer reads relative names from
// the folder it was started in, so only the last part is compared for those.
func (g *Gate) included(main configFile) bool {
	b, err := main.read()
	if err != nil {
		return false
	}
	for _, name := range includes(b) {
		if f, err := openConfig(name); err == nil && f == g.file || strings.HasSuffix(g.file.path, "/"+strings.TrimPrefix(name, "./")) {
			return true
		}
	}
	return false
}
