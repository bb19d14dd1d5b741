// Package pgserver finds PostgreSQL and PgBouncer on this machine and runs them as
// local processes, never as root.
//
// It knows programs, folders, ports and users. It must not know what a server is for:
// nothing of upgrades, plans or stores, and it speaks no SQL.
package pgserver

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Install is one installed major version of PostgreSQL.
type Install struct {
	Major   int
	Version string // as the server says it: "13.23"
	Bin     string // folder of its programs, without symbolic links
	Owner   Owner  // the user its programs run as
}

// RunAs returns the same installation, its programs run as the named user.
// "" is the user for it on this machine. Only root can change user: for anybody else
// the programs go on running as whoever runs Lull.
func (in Install) RunAs(user string) (Install, error) {
	owner, err := OwnerNamed(user)
	in.Owner = owner
	return in, err
}

// Command prepares one of the installation's programs. It is run in the root folder,
// because the caller's own may be closed to the user it runs as, so paths must be
// absolute. It ends when this process ends, however that does; a server that pg_ctl
// starts is no longer part of it and stays.
func (in Install) Command(ctx context.Context, program string, args ...string) *exec.Cmd {
	return command(ctx, in.Owner, filepath.Join(in.Bin, program), args...)
}

func command(ctx context.Context, owner Owner, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = "/"
	cmd.Env = environ(os.Environ(), owner)
	cmd.SysProcAttr = owner.attributes()
	// A server that outlives its program may hold the pipes of its output open.
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// environ is what the programs see. The caller's PG... variables would override what
// is said on their command lines, and their messages must be in one language.
func environ(have []string, owner Owner) []string {
	env := make([]string, 0, len(have)+4)
	for _, v := range have {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "PG") || owner.hides(name) {
			continue
		}
		env = append(env, v)
	}
	env = append(env, "LC_ALL=C")
	if owner.Name != "" {
		env = append(env, "HOME="+owner.Home, "USER="+owner.Name, "LOGNAME="+owner.Name)
	}
	return env
}
