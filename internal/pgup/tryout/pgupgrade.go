package tryout

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/pgserver"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

// pgUpgrade asks pg_upgrade itself: on a throw-away server of the old version with the source's definitions and without
// its rows, and an empty one of the new version. What could not be loaded into the old one is not looked at.
func (t Trial) pgUpgrade(ctx context.Context) (out []checks.Finding, err error) {
	old := pgserver.Server{Install: t.Old, Data: filepath.Join(t.dir, "old"), Port: t.server.Port + 1, SocketDir: t.dir}
	empty := pgserver.Server{Install: t.New, Data: filepath.Join(t.dir, "empty"), Port: t.server.Port + 2, SocketDir: t.dir}
	for _, s := range []pgserver.Server{old, empty} {
		if err := s.Init(ctx, t.likeSource()); err != nil {
			return nil, fmt.Errorf("make servers for pg_upgrade: %w", err)
		}
	}
	if err := t.fillOld(ctx, old); err != nil {
		return nil, err
	}
	cmd := t.New.Command(ctx, "pg_upgrade", "--check", "--old-bindir", t.Old.Bin, "--new-bindir", t.New.Bin, "--old-datadir", old.Data, "--new-datadir", empty.Data,
		"--username", t.Inventory.Bootstrap, "--socketdir", t.dir, "--old-port", strconv.Itoa(old.Port), "--new-port", strconv.Itoa(empty.Port))
	cmd.Dir = t.dir // it wants to write where it is started
	said, failed := cmd.CombinedOutput()
	if ctx.Err() != nil || failed == nil {
		return nil, ctx.Err()
	}
	return found("pg-upgrade-check", "", refusals(said, failed)), nil
}

// likeSource is how both are made: pg_upgrade wants them alike.
func (t Trial) likeSource() pgserver.InitOptions {
	return pgserver.InitOptions{Superuser: t.Inventory.Bootstrap, Encoding: t.Inventory.Encoding, Args: []string{
		"--no-sync", "--lc-collate", t.Inventory.Collate, "--lc-ctype", t.Inventory.Ctype,
	}}
}

// fillOld loads the definitions by the old version's own programs, and leaves the server stopped.
func (t Trial) fillOld(ctx context.Context, old pgserver.Server) (err error) {
	if err := old.Spawn(ctx, map[string]string{"listen_addresses": "", "fsync": "off", "shared_buffers": "32MB", "max_locks_per_transaction": "1024"}); err != nil {
		return fmt.Errorf("start a throw-away server of the old version: %w", err)
	}
	load := func(database, into, program string, args ...string) error {
		file := filepath.Join(t.dir, "old.sql")
		defer func() { _ = os.Remove(file) }()
		if said, err := t.Old.Command(ctx, program, slices.Concat(args, []string{"--no-password", "--file", file, "--dbname", t.source(database)})...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %s", program, brief(said, err))
		}
		here := cluster.Endpoint{Conninfo: fmt.Sprintf("host=%s port=%d user=%s dbname=postgres", cluster.Quote(t.dir), old.Port, cluster.Quote(t.Inventory.Bootstrap))}
		// What it refuses, such as a role that is there, keeps the rest from nothing.
		_, err := t.Old.Command(ctx, "psql", "--no-psqlrc", "--quiet", "--output=/dev/null", "--file", file, "--dbname", here.Libpq(into, "")).CombinedOutput()
		return err
	}
	err = load("postgres", "postgres", "pg_dumpall", globalsArgs...)
	for _, db := range t.Inventory.Databases {
		if err != nil {
			break
		}
		args, into := schemaArgs(db.Name)
		err = load(db.Name, into, "pg_dump", args...)
	}
	if stop := old.Stop(context.WithoutCancel(ctx), "fast"); err == nil {
		err = stop
	}
	if err != nil {
		return fmt.Errorf("fill a throw-away server of the old version: %w", err)
	}
	return nil
}

var (
	refused = regexp.MustCompile(`(?m)(?:failed check: Checking (?:for )?(.+)|^Checking (?:for )?(.*?) +(?:fatal|failed))$`)
	listed  = regexp.MustCompile(`(?m)^ +(/\S+\.txt)$`)
)

// refusals reads what pg_upgrade says of its checks. Newer versions go on after the first that fails, and most
// write what they found into a file.
func refusals(said []byte, failed error) (out []checks.Object) {
	all := refused.FindAllSubmatchIndex(said, -1)
	for i, m := range all {
		end := len(said)
		if i+1 < len(all) {
			end = all[i+1][0]
		}
		after := said[m[1]:end]
		detail := oneLine(after)
		if file := listed.FindSubmatch(after); file != nil {
			if list, err := os.ReadFile(string(file[1])); err == nil {
				detail = oneLine(list)
			}
		}
		out = append(out, checks.Object{Name: string(said[max(m[2], m[4]):max(m[3], m[5])]), Detail: detail})
	}
	if len(out) == 0 {
		out = append(out, checks.Object{Name: "pg_upgrade", Detail: cmp.Or(oneLine(said), failed.Error())})
	}
	return out
}

func oneLine(text []byte) string { return strings.Join(strings.Fields(string(text)), " ") }
