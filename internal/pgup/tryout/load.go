package tryout

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lullhq/lull/internal/checks"
)

// globals loads roles and their settings, without passwords.
func (t Trial) globals(ctx context.Context) ([]checks.Finding, error) {
	return t.dumped(ctx, "globals-load", "", "postgres", "pg_dumpall", globalsArgs...)
}

// globalsArgs ask pg_dumpall for roles. Nobody is kept waiting: a lock that is not to be had soon is not waited for.
var globalsArgs = []string{"--globals-only", "--no-role-passwords", "--no-tablespaces", "--lock-wait-timeout=5000"}

// schemaArgs ask pg_dump for the definitions of a database, and give where they are loaded from. Those that every cluster has are there already.
func schemaArgs(database string) (args []string, into string) {
	args = []string{"--schema-only", "--no-tablespaces", "--no-subscriptions", "--lock-wait-timeout=5000"}
	if database == "postgres" || database == "template1" {
		return args, database
	}
	return append(args, "--create"), "postgres"
}

// schema loads the definitions of one database.
func (t Trial) schema(ctx context.Context, database string) ([]checks.Finding, error) {
	args, into := schemaArgs(database)
	return t.dumped(ctx, "schema-load", database, into, "pg_dump", args...)
}

// dumped takes a dump with the new version's program and loads it. What the source or the program
// does not want to give is a finding as well.
func (t Trial) dumped(ctx context.Context, id, database, into, program string, args ...string) ([]checks.Finding, error) {
	file := filepath.Join(t.dir, "dump.sql")
	defer func() { _ = os.Remove(file) }()
	dump := t.New.Command(ctx, program, slices.Concat(args, []string{"--no-password", "--file", file, "--dbname", t.source(database)})...)
	if said, err := dump.CombinedOutput(); err != nil {
		return found(id, database, []checks.Object{{Name: program, Detail: brief(said, err)}}), ctx.Err()
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read what %s wrote: %w", program, err)
	}
	load := t.New.Command(ctx, "psql", "--no-psqlrc", "--quiet", "--set=VERBOSITY=terse", "--set=ON_ERROR_STOP=off", "--output=/dev/null",
		"--file", file, "--dbname", t.here().Libpq(into, ""))
	var said bytes.Buffer
	load.Stderr = &said
	if err := load.Run(); err != nil && said.Len() == 0 {
		return nil, fmt.Errorf("load what %s wrote: %w", program, err)
	}
	return found(id, database, t.failures(text, said.Bytes())), ctx.Err()
}

func brief(said []byte, err error) string {
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	if lines[0] == "" {
		return err.Error()
	}
	return lines[len(lines)-1]
}

// failures leaves out the role that the throw-away server was made with.
func (t Trial) failures(dump, said []byte) []checks.Object {
	own := fmt.Sprintf("role %q already exists", t.Inventory.Bootstrap)
	return slices.DeleteFunc(failures(dump, said), func(o checks.Object) bool { return o.Detail == own })
}

var (
	refusal = regexp.MustCompile(`(?m)^psql:.*:(\d+): (?:ERROR|FATAL|error): +(.*)$`)
	heading = regexp.MustCompile(`^-- Name: (.*); Type: (.*); Schema: (.*); Owner: ?(.*)$`)
)

// failures reads what psql says of a dump: a line that ends a statement, and why the server refused it.
// Above each statement of pg_dump stands what it defines; those of pg_dumpall speak for themselves.
func failures(dump, said []byte) (out []checks.Object) {
	lines := strings.Split(string(dump), "\n")
	for _, m := range refusal.FindAllSubmatch(said, -1) {
		at, err := strconv.Atoi(string(m[1]))
		if err != nil || at < 1 || at > len(lines) {
			continue
		}
		out = append(out, checks.Object{Name: defined(lines[:at]), Detail: strings.TrimSpace(string(m[2]))})
	}
	return out
}

// defined is what the last of these lines belongs to.
func defined(lines []string) string {
	for _, line := range slices.Backward(lines) {
		if m := heading.FindStringSubmatch(line); m != nil {
			name := m[1]
			if m[3] != "-" && m[3] != "" {
				name = m[3] + "." + name
			}
			return strings.ToLower(m[2]) + " " + name
		}
	}
	return strings.TrimSuffix(strings.TrimSpace(lines[len(lines)-1]), ";")
}
