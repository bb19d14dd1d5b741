package seed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/lullhq/lull/internal/pgserver"
)

// linked says whether pg_upgrade has begun to link the copy's files: it renames
// pg_control first, so that nobody starts the old version by mistake (manual, pg_upgrade, "Reverting").
func (p Physical) linked() bool {
	_, err := os.Stat(filepath.Join(p.Copy(), "global", "pg_control.old"))
	return err == nil
}

// Upgrade turns the copy into a cluster of the new version at Data. The data files are
// linked, not copied. The new cluster appears under its name only when it is whole.
func (p Physical) Upgrade(ctx context.Context) error {
	if err := p.halt(ctx, p.Old, p.Copy()); err != nil {
		return err
	}
	if err := p.halt(ctx, p.New, p.partial(p.Data)); err != nil {
		return err
	}
	if err := p.unlink(); err != nil {
		return err
	}
	tmp := p.partial(p.Data)
	if err := os.RemoveAll(tmp); err != nil {
		return fmt.Errorf("remove an unfinished target: %w", err)
	}
	if err := p.initdb(ctx, tmp); err != nil {
		return err
	}
	if err := p.pgUpgrade(ctx, tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, p.Data); err != nil {
		return fmt.Errorf("name the finished target: %w", err)
	}
	return nil
}

// halt ends what an earlier try, cut off, may have left at work in a folder.
func (p Physical) halt(ctx context.Context, in pgserver.Install, dir string) error {
	if err := (pgserver.Server{Install: in, Data: dir}).Halt(ctx, p.Old, p.New); err != nil {
		return fmt.Errorf("stop what an earlier try left running: %w", err)
	}
	return nil
}

// unlink makes the copy usable for another try. Allowed, because a target that was
// never started under its own name has changed none of the shared files.
func (p Physical) unlink() error {
	if !p.linked() {
		return nil
	}
	control := filepath.Join(p.Copy(), "global", "pg_control")
	if err := os.Rename(control+".old", control); err != nil {
		return fmt.Errorf("prepare the copy for another try: %w", err)
	}
	return nil
}

func (p Physical) initdb(ctx context.Context, dir string) error {
	inv := p.Inventory
	args := []string{"--pgdata", dir, "--username", inv.Bootstrap, "--encoding", inv.Encoding, "--lc-collate", inv.Collate, "--lc-ctype", inv.Ctype,
		"--auth", "trust", "--no-sync"}
	size, err := segmentMB(inv.Settings["wal_segment_size"])
	if err != nil {
		return err
	}
	args = append(args, "--wal-segsize", strconv.Itoa(size))
	switch {
	case inv.Settings["data_checksums"] == "on":
		args = append(args, "--data-checksums")
	case p.New.Major >= 18: // on by default since 18, and both sides must be alike
		args = append(args, "--no-data-checksums")
	}
	if out, err := p.New.Command(ctx, "initdb", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("create the target with initdb: %w: %s", err, tail(out))
	}
	return nil
}

// segmentMB reads wal_segment_size as SHOW prints it: 16MB, 1GB.
func segmentMB(s string) (int, error) {
	unit := 1
	if n, ok := strings.CutSuffix(s, "GB"); ok {
		s, unit = n, 1024
	}
	n, err := strconv.Atoi(strings.TrimSuffix(s, "MB"))
	if err != nil {
		return 0, fmt.Errorf("read wal_segment_size: %w", err)
	}
	return n * unit, nil
}

func (p Physical) pgUpgrade(ctx context.Context, dir string) error {
	sockets, err := p.sockets()
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(sockets) }()
	ports, err := pgserver.FreePorts(2)
	if err != nil {
		return err
	}
	options := ""
	if libs := p.Inventory.Settings["shared_preload_libraries"]; libs != "" {
		options = "-c shared_preload_libraries=" + libs
	}
	cmd := p.New.Command(ctx, "pg_upgrade", "--old-bindir", p.Old.Bin, "--new-bindir", p.New.Bin, "--old-datadir", p.Copy(), "--new-datadir", dir,
		"--username", p.Inventory.Bootstrap, "--link", "--jobs", strconv.Itoa(max(1, p.Jobs)), "--socketdir", sockets,
		"--old-port", strconv.Itoa(ports[0]), "--new-port", strconv.Itoa(ports[1]), "--new-options", options)
	cmd.Dir = sockets // pg_upgrade writes a script into the folder it is started in
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	err = fmt.Errorf("upgrade the copy with pg_upgrade: %w: %s", err, tail(append(out, reasons(dir)...)))
	if kept := p.keepLogs(dir); kept != "" {
		err = fmt.Errorf("%w (its logs are in %s)", err, kept)
	}
	return err
}

// refusal is what a client program of pg_upgrade's says before it gives up. Ended is what its siblings say then.
var (
	refusal = regexp.MustCompile(`(?m)^(?:pg_restore|pg_dump|pg_dumpall|psql)\b.*?\b(?:error|ERROR|FATAL): +(.+)$`)
	ended   = regexp.MustCompile(`terminating connection due to administrator command|server closed the connection`)
)

// reasons reads in pg_upgrade's logs why it failed, one in a line. It says itself only where they are.
func reasons(dir string) (said []byte) {
	logs, _ := filepath.Glob(filepath.Join(dir, "pg_upgrade_output.d", "*", "log", "*.log")) // the pattern is sound
	seen := map[string]bool{}
	for _, file := range logs {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the logs are kept, and a person may read them
		}
		for _, m := range refusal.FindAllSubmatch(text, -1) {
			if reason := string(m[1]); !seen[reason] && !ended.MatchString(reason) {
				seen[reason] = true
				said = fmt.Appendf(said, "\n%s: %s", filepath.Base(file), reason)
			}
		}
	}
	return said
}

// keepLogs moves pg_upgrade's own logs out of the folder that the next try removes.
func (p Physical) keepLogs(dir string) string {
	logs, to := filepath.Join(dir, "pg_upgrade_output.d"), p.failureLogs()
	if _, err := os.Stat(logs); errors.Is(err, os.ErrNotExist) {
		return ""
	}
	if os.RemoveAll(to) != nil || os.Rename(logs, to) != nil {
		return logs
	}
	return to
}
