package pgserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"

	"github.com/lullhq/lull/internal/hint"
)

// DirsVariable names folders to look into before those of the system, separated as in PATH.
const DirsVariable = "LULL_PG_DIRS"

// needed are the programs that Lull runs; a client package has only some of them.
var needed = []string{"postgres", "initdb", "pg_ctl", "pg_controldata", "pg_basebackup", "pg_upgrade", "pg_dump", "vacuumdb"}

// neededToServe are the programs of a server that is only asked.
var neededToServe = needed[:3]

// surroundings are what the places to look in depend on.
type surroundings struct {
	dirs    []string // of DirsVariable
	start   []string // folders in or above which a checkout with .cache may lie
	path    []string
	mayHave func(dir string) bool // whether what lies in a checkout may be run
}

func here() surroundings {
	s := surroundings{dirs: filepath.SplitList(os.Getenv(DirsVariable)), path: filepath.SplitList(os.Getenv("PATH")), mayHave: ours}
	if cwd, err := os.Getwd(); err == nil {
		s.start = append(s.start, cwd)
	}
	if exe, err := os.Executable(); err == nil {
		s.start = append(s.start, filepath.Dir(exe))
	}
	return s
}

// ours keeps root from running what another user has put into a folder such as /tmp.
func ours(dir string) bool {
	info, err := os.Stat(dir)
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	uid := strconv.Itoa(int(stat.Uid))
	return uid == "0" || uid == strconv.Itoa(os.Geteuid()) || uid == os.Getenv("SUDO_UID")
}

// cached are the folders .cache/sub at and above the starting points.
func (s surroundings) cached(sub string) []string {
	var out []string
	for _, dir := range s.start {
		for ; ; dir = filepath.Dir(dir) {
			if at := filepath.Join(dir, ".cache", sub); s.mayHave(at) {
				out = append(out, at)
				break
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return out
}

// places are the folders that may hold a major version's programs, the most wanted first.
func (s surroundings) places(major int, extra []string) []string {
	m := strconv.Itoa(major)
	var out []string
	for _, dir := range append(append([]string(nil), extra...), s.dirs...) {
		if abs, err := filepath.Abs(dir); err == nil {
			dir = abs
		}
		out = append(out, dir, filepath.Join(dir, "bin"), filepath.Join(dir, m, "bin"))
	}
	out = append(out, s.cached(filepath.Join("pg", m, "bin"))...)
	out = append(out, "/usr/lib/postgresql/"+m+"/bin", "/usr/pgsql-"+m+"/bin",
		"/opt/homebrew/opt/postgresql@"+m+"/bin", "/usr/local/opt/postgresql@"+m+"/bin")
	return append(out, s.path...)
}

// Find looks for a major version: in the extra folders, those of LULL_PG_DIRS, .cache/pg
// of the checkout, where packages and Homebrew put it, and PATH.
// A folder given may be that of the programs, or one above it named after the version.
func Find(major int, extra ...string) (Install, error) { return find(major, needed, extra) }

// FindServer does the same for a server that is only asked. It need not have the other programs.
func FindServer(major int, extra ...string) (Install, error) {
	return find(major, neededToServe, append(extra, here().cached(filepath.Join("oldservers", strconv.Itoa(major), "bin"))...))
}

func find(major int, programs, extra []string) (Install, error) {
	owner, err := OwnerNamed("")
	if err != nil {
		return Install{}, err
	}
	var almost error
	for _, dir := range here().places(major, extra) {
		in, err := inspect(dir, programs)
		if err == nil && in.Major == major {
			in.Owner = owner
			return in, nil
		}
		if almost == nil && in.Major == major {
			almost = err
		}
	}
	next := fmt.Sprintf("install PostgreSQL %d (Debian: apt-get install postgresql-%d; Homebrew: brew install postgresql@%d), or name the folder of its programs as bin in lull.yaml or in %s", major, major, major, DirsVariable)
	if almost != nil {
		return Install{}, hint.Wrap(fmt.Errorf("find PostgreSQL %d: %w", major, almost), next)
	}
	return Install{}, hint.Errorf(next, "find PostgreSQL %d: it is not on this machine", major)
}

var saysVersion = regexp.MustCompile(`\(PostgreSQL\) ((\d+)\S*)`)

// inspect asks the programs in dir what they are. The version is known as soon as there is a
// server that starts, also when an error says that other programs are missing.
func inspect(dir string, programs []string) (Install, error) {
	server, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
	if err != nil || !filepath.IsAbs(server) {
		return Install{}, errors.Join(err, os.ErrNotExist)
	}
	out, err := exec.Command(server, "--version").Output()
	if err != nil {
		return Install{}, fmt.Errorf("ask %s for its version: %w", server, err)
	}
	found := saysVersion.FindSubmatch(out)
	if found == nil {
		return Install{}, fmt.Errorf("ask %s for its version: it said %.80q", server, out)
	}
	in := Install{Version: string(found[1]), Bin: filepath.Dir(server)}
	if in.Major, err = strconv.Atoi(string(found[2])); err != nil {
		return Install{}, fmt.Errorf("read the version of %s: %w", server, err)
	}
	for _, program := range programs {
		if _, err := exec.LookPath(filepath.Join(in.Bin, program)); err != nil {
			return in, fmt.Errorf("%s lacks %s", in.Bin, program)
		}
	}
	return in, nil
}

// FindPgBouncer looks for the program: in the extra folders, .cache/pgbouncer of the
// checkout, PATH, and where packages and Homebrew put it.
func FindPgBouncer(extra ...string) (string, error) {
	return findProgram("PgBouncer", "pgbouncer", extra)
}

// FindHAProxy does the same for HAProxy.
func FindHAProxy(extra ...string) (string, error) { return findProgram("HAProxy", "haproxy", extra) }

// FindNginx and FindWrk do the same for what the page is measured beside, and with.
func FindNginx() (string, error) { return findProgram("nginx", "nginx", nil) }

// FindWrk looks for the load generator.
func FindWrk() (string, error) { return findProgram("wrk", "wrk", nil) }

func findProgram(name, program string, extra []string) (string, error) {
	s := here()
	places := append(append([]string(nil), extra...), s.cached(filepath.Join(program, "bin"))...)
	places = append(append(places, s.path...), "/usr/sbin", "/opt/homebrew/bin", "/usr/local/bin")
	for _, dir := range places {
		path, err := filepath.EvalSymlinks(filepath.Join(dir, program))
		if err != nil || !filepath.IsAbs(path) {
			continue
		}
		if _, err := exec.LookPath(path); err == nil {
			return path, nil
		}
	}
	return "", hint.Errorf(fmt.Sprintf("install %s (Debian: apt-get install %s; Homebrew: brew install %[2]s)", name, program), "find %s: it is not on this machine", name)
}
