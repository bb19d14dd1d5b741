// Package cli_test specifies the commands: one script a case, against real servers.
package cli_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lullhq/lull/internal/cli"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"lull": lull, "find-postgres": findPostgres})
}

// saidVariable names the file that keeps all that lull prints in a script.
const saidVariable = "LULL_TEST_SAID"

func lull() {
	var stdout, stderr io.Writer = os.Stdout, os.Stderr
	if said, err := os.OpenFile(os.Getenv(saidVariable), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
		stdout, stderr = io.MultiWriter(stdout, said), io.MultiWriter(stderr, said)
	}
	os.Exit(cli.Main(os.Args[1:], os.Stdin, stdout, stderr))
}

func TestScripts(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		Setup:               g.setup,
		Condition:           condition,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"edit": edit, "occupy": occupy, "refuse": g.refuse, "fetch": fetch, "await": await, "append": appendFile, "delivered": delivered,
		},
	})
}

// refuse runs lull and demands what every refusal owes to its reader: exit code 1, what
// is wrong, what to type next, and a world that is as it was.
func (g *ground) refuse(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("refuse cannot be negated")
	}
	before := g.look(ts)
	err := ts.Exec("lull", args...)
	stdout, stderr := ts.ReadFile("stdout"), ts.ReadFile("stderr")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		ts.Fatalf("lull ended with %v, want exit code 1", err)
	}
	if !refusal.MatchString(stderr) {
		ts.Fatalf("lull does not say both what is wrong and what to type next")
	}
	if after := g.look(ts); before != after {
		ts.Fatalf("lull has changed something:\n%s", cmp.Diff(before, after))
	}
	fmt.Fprint(ts.Stdout(), stdout)
	fmt.Fprint(ts.Stderr(), stderr)
}

var refusal = regexp.MustCompile(`(?s)\Aerror: \S.*\nnext:  \S.*\n\z`)

// edit replaces the one place where a file has some text.
func edit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: edit FILE OLD NEW")
	}
	text := ts.ReadFile(args[0])
	if n := strings.Count(text, args[1]); n != 1 {
		ts.Fatalf("%s has %q %d times", args[0], args[1], n)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, args[1], args[2], 1)), 0o600))
}
