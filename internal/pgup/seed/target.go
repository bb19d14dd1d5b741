package seed

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/lullhq/lull/internal/pgserver"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

// Place is where the target is to be reached.
type Place struct {
	Host      string
	Port      int
	SocketDir string            // "" = where the source has its own
	Settings  map[string]string // over what is carried from the source
}

// Server is the target as a local server.
func (p Physical) Server(at Place) pgserver.Server {
	return pgserver.Server{Install: p.New, Data: p.Data, Port: at.Port, SocketDir: at.SocketDir, LogFile: p.log("server")}
}

// KnownSettings are the names that the new version's server understands.
func KnownSettings(ctx context.Context, in pgserver.Install) (map[string]bool, error) {
	out, err := in.Command(ctx, "postgres", "--describe-config").Output()
	if err != nil {
		return nil, fmt.Errorf("ask the new server for its settings: %w", err)
	}
	known := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		name, _, _ := strings.Cut(line, "\t")
		known[name] = true
	}
	return known, nil
}

// Configure writes the target's settings and access rules: those of the source, as far
// as the new version knows them, and what it needs to follow so many databases.
// It returns the settings that could not be carried.
func (p Physical) Configure(ctx context.Context, at Place, changed []cluster.Setting, hba, ident string) (unknown []string, err error) {
	known, err := KnownSettings(ctx, p.New)
	if err != nil {
		return nil, err
	}
	settings, unknown := Carry(changed, known)
	p.enoughWorkers(settings)
	tellErrors(settings)
	settings["port"] = strconv.Itoa(at.Port)
	if at.SocketDir != "" {
		settings["unix_socket_directories"] = at.SocketDir
	}
	for k, v := range at.Settings {
		settings[k] = v
	}
	files := map[string]string{
		"lull.conf":     string(File("Written by Lull from the settings of the old server. Yours to change once the upgrade is completed.", settings)),
		"pg_hba.conf":   hba,
		"pg_ident.conf": ident,
	}
	for name, content := range files {
		path := filepath.Join(p.Data, name)
		if err := p.New.Owner.WriteFile(path, []byte(content)); err != nil {
			return nil, fmt.Errorf("configure the target: %w", err)
		}
	}
	return unknown, p.include()
}

// enoughWorkers raises what one subscription a database needs (manual, section 31.10).
func (p Physical) enoughWorkers(settings map[string]string) {
	n := len(p.Inventory.Databases)
	for name, need := range map[string]int{
		"max_logical_replication_workers": n + 2, "max_worker_processes": n + 8, "max_replication_slots": n + 4, "max_wal_senders": n + 4,
	} {
		if have, err := strconv.Atoi(settings[name]); err != nil || have < need {
			settings[name] = strconv.Itoa(max(need, 10))
		}
	}
	settings["wal_level"] = "logical" // the way back needs it
}

// tellErrors lets the target log errors, and their details: which row could not be applied
// stands nowhere else. To the log, "log" ranks above "error" (manual, log_min_messages).
func tellErrors(settings map[string]string) {
	switch strings.ToLower(settings["log_min_messages"]) {
	case "log", "fatal", "panic":
		settings["log_min_messages"] = "error"
	}
	if strings.EqualFold(settings["log_error_verbosity"], "terse") {
		settings["log_error_verbosity"] = "default"
	}
}

// include adds lull.conf to the file that initdb wrote, once.
func (p Physical) include() error {
	path := filepath.Join(p.Data, "postgresql.conf")
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("configure the target: %w", err)
	}
	const line = "include_if_exists = 'lull.conf'"
	if strings.Contains(string(b), line) {
		return nil
	}
	if err := os.WriteFile(path, append(b, []byte("\n"+line+"\n")...), 0o600); err != nil {
		return fmt.Errorf("configure the target: %w", err)
	}
	return nil
}
