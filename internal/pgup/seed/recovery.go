package seed

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgserver"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

// Control is the part of pg_control that tells how far a copy is.
type Control struct {
	State     string // "shut down", "in archive recovery", ...
	Timeline  int
	Checksums bool // pages carry them
}

// ReadControl asks pg_controldata about a data folder.
func ReadControl(ctx context.Context, in pgserver.Install, dir string) (Control, error) {
	cmd := in.Command(ctx, "pg_controldata", dir)
	cmd.Env = append(cmd.Environ(), "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return Control{}, fmt.Errorf("read the control file of %s: %w: %s", dir, err, tail(out))
	}
	var c Control
	for line := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(line, ":")
		switch value = strings.TrimSpace(value); key {
		case "Database cluster state":
			c.State = value
		case "Data page checksum version":
			c.Checksums = value != "0"
		case "Latest checkpoint's TimeLineID":
			if c.Timeline, err = strconv.Atoi(value); err != nil {
				return c, fmt.Errorf("read the timeline of %s: %w", dir, err)
			}
		}
	}
	return c, nil
}

// Recovered says whether the copy was promoted off the source's timeline and stopped cleanly.
func (p Physical) Recovered(ctx context.Context) (bool, error) {
	if p.linked() {
		return true, nil // pg_upgrade has taken it over, which it does only with a clean cluster
	}
	c, err := ReadControl(ctx, p.Old, p.Copy())
	if err != nil {
		return false, err
	}
	return c.State == "shut down" && c.Timeline > p.Inventory.Timeline, nil
}

// Recover replays the source's WAL up to lsn, without the record that starts there
// or later, promotes the copy, takes out of it what belongs to the source, and stops it.
//
// Exclusive matters: a COMMIT that starts at lsn would otherwise be replayed here and
// sent again by the slot. The publisher skips commits that start before the position
// the subscription asks for (logical/decode.c, SnapBuildXactNeedsSkip), and the copy
// has exactly those.
//
// tell is given the distance that is left, in bytes of WAL.
func (p Physical) Recover(ctx context.Context, lsn string, nudge func(context.Context) error, tell func(left int64)) error {
	if err := p.halt(ctx, p.Old, p.Copy()); err != nil {
		return err
	}
	sockets, err := p.sockets()
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(sockets) }()
	if err := p.configureCopy(lsn, sockets); err != nil {
		return err
	}
	server := pgserver.Server{Install: p.Old, Data: p.Copy(), Port: 5432, SocketDir: sockets, LogFile: p.log("copy")}
	if err := os.Remove(server.LogFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the log of an earlier try: %w", err)
	}
	if err := server.Start(ctx, nil); err != nil {
		return fmt.Errorf("start the copy: %w", err)
	}
	err = p.promoted(ctx, server, lsn, nudge, tell)
	if stop := server.Stop(context.WithoutCancel(ctx), "fast"); stop != nil {
		err = errors.Join(err, fmt.Errorf("stop the copy: %w", stop))
	}
	return err
}

// configureCopy writes every setting into postgresql.auto.conf, which comes last: what
// the source had there, such as its archive command, must not act here.
func (p Physical) configureCopy(lsn, sockets string) error {
	s := p.Inventory.Settings
	recovery := map[string]string{
		"recovery_target_lsn": lsn, "recovery_target_inclusive": "off", "recovery_target_action": "promote",
		"recovery_target_timeline": "latest", "primary_conninfo": p.SourceConninfo("") + " application_name=lull",
	}
	settings := map[string]string{
		"archive_mode": "off", "listen_addresses": "", "unix_socket_directories": sockets, "port": "5432",
		"max_logical_replication_workers": "0", "shared_preload_libraries": s["shared_preload_libraries"],
		"hot_standby": "on", "wal_level": "replica", "autovacuum": "off", "ssl": "off", "logging_collector": "off", "log_destination": "stderr",
		"log_min_messages": "log", "lc_messages": "C", "max_wal_size": "4GB", "jit": "off",
		"max_connections": s["max_connections"], "max_worker_processes": s["max_worker_processes"], "max_wal_senders": s["max_wal_senders"],
		"max_prepared_transactions": s["max_prepared_transactions"], "max_locks_per_transaction": s["max_locks_per_transaction"],
		"max_replication_slots": s["max_replication_slots"],
	}
	if p.Inventory.Major() < 11 {
		delete(settings, "jit")
	}
	const comment = "Written by Lull: recovery of a copy to an exact position."
	signal, asks := "standby.signal", []byte(nil)
	if p.Inventory.Major() < 12 { // then these became settings like others (release notes of 12)
		recovery["standby_mode"] = "on"
		signal, asks = "recovery.conf", File(comment, recovery)
	} else {
		maps.Copy(settings, recovery)
	}
	files := map[string][]byte{
		"postgresql.conf":      []byte("# see postgresql.auto.conf\n"),
		"postgresql.auto.conf": File(comment, settings),
		"pg_hba.conf":          []byte("# The socket folder is readable by the server's own user only.\nlocal all all trust\n"),
		"pg_ident.conf":        nil,
	}
	if _, err := os.Stat(filepath.Join(p.Copy(), "backup_label")); err == nil {
		files[signal] = asks // recovery has not begun; a later try finds the server's own files
	}
	for name, content := range files {
		path := filepath.Join(p.Copy(), name)
		if err := p.Old.Owner.WriteFile(path, content); err != nil {
			return fmt.Errorf("configure the copy: %w", err)
		}
	}
	return nil
}

// promoted waits for the end of recovery, checks where it ended, and cleans the copy.
func (p Physical) promoted(ctx context.Context, server pgserver.Server, lsn string, nudge func(context.Context) error, tell func(int64)) error {
	local := cluster.Endpoint{Conninfo: fmt.Sprintf("host=%s port=%d user=%s dbname=postgres sslmode=disable", cluster.Quote(server.SocketDir), server.Port, cluster.Quote(p.Inventory.Bootstrap))}
	conn, err := local.Connect(ctx, "template1")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := awaitPromotion(ctx, conn, lsn, nudge, tell); err != nil {
		return err
	}
	if err := p.stoppedAt(lsn); err != nil {
		return err
	}
	for _, db := range append([]string{"postgres", "template1"}, names(p.Inventory)...) {
		if err := clean(ctx, local, db); err != nil {
			return fmt.Errorf("clean database %s of the copy: %w", db, err)
		}
	}
	return nil
}

func names(inv cluster.Inventory) []string {
	out := append([]string(nil), inv.Empty...)
	for _, d := range inv.Databases {
		out = append(out, d.Name)
	}
	return out
}

// awaitPromotion nudges the source from time to time: an idle one would never write the record that ends recovery.
func awaitPromotion(ctx context.Context, conn *pgx.Conn, lsn string, nudge func(context.Context) error, tell func(int64)) error {
	const ask, prod = 50 * time.Millisecond, 10 // every half second
	for n := 1; ; n++ {
		var recovering bool
		var left int64
		err := conn.QueryRow(ctx, `SELECT pg_is_in_recovery(), coalesce(greatest(0, pg_wal_lsn_diff($1::text::pg_lsn, pg_last_wal_replay_lsn())), 0)::bigint`, lsn).Scan(&recovering, &left)
		if err != nil {
			return fmt.Errorf("watch the copy's recovery: %w", err)
		}
		if !recovering {
			return nil
		}
		tell(left)
		if n%prod == 1 {
			if err := nudge(ctx); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the copy to reach its position: %w", ctx.Err())
		case <-time.After(ask):
		}
	}
}

// stoppedAt looks into the log for the line that says that recovery ended before lsn and not elsewhere.
// An earlier try may have been the one that ended it: then the file has no such line and Recovered is the proof.
func (p Physical) stoppedAt(lsn string) error {
	f, err := os.Open(p.log("copy"))
	if err != nil {
		return fmt.Errorf("read the log of the copy: %w", err)
	}
	defer f.Close()
	for scan := bufio.NewScanner(f); scan.Scan(); {
		line := scan.Text()
		if strings.Contains(line, "recovery stopping before WAL location (LSN)") {
			return nil
		}
		if strings.Contains(line, "recovery stopping after") {
			return fmt.Errorf("recovery of the copy did not stop before %s: %s", lsn, line)
		}
	}
	return nil
}

// clean drops the source's own publications and subscriptions from one database of the copy.
func clean(ctx context.Context, local cluster.Endpoint, database string) error {
	conn, err := local.Connect(ctx, database)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := conn.Query(ctx, `SELECT subname FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`)
	if err != nil {
		return err
	}
	subs, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, s := range subs {
		if err := cluster.Unsubscribe(ctx, conn, s); err != nil {
			return err
		}
	}
	return nil
}
