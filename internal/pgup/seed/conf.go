package seed

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lullhq/lull/internal/pgup/cluster"
)

// notCarried are settings of the source that say where it lives or what it feeds.
// The target has its own place, and archives nothing until somebody says where to.
var notCarried = map[string]bool{
	"data_directory": true, "config_file": true, "hba_file": true, "ident_file": true, "external_pid_file": true,
	"port": true, "unix_socket_directories": true, "unix_socket_group": true, "unix_socket_permissions": true,
	"archive_mode": true, "archive_command": true, "archive_library": true, "archive_cleanup_command": true,
	"restore_command": true, "recovery_end_command": true, "primary_conninfo": true, "primary_slot_name": true,
	"synchronous_standby_names": true, "standby_slot_names": true, "synchronized_standby_slots": true,
	"log_directory": true, "stats_temp_directory": true, "promote_trigger_file": true,
	"ssl": true, "ssl_cert_file": true, "ssl_key_file": true, "ssl_ca_file": true, "ssl_crl_file": true, "ssl_crl_dir": true, "ssl_dh_params_file": true,
	"application_name": true, "transaction_read_only": true, "in_hot_standby": true,
}

// Carry splits the source's changed settings into those that the new server knows
// and the names of those that it does not.
func Carry(changed []cluster.Setting, known map[string]bool) (carried map[string]string, unknown []string) {
	carried = map[string]string{}
	for _, s := range changed {
		switch {
		case notCarried[s.Name] || strings.HasPrefix(s.Name, "recovery_"):
		case known[s.Name] || strings.Contains(s.Name, "."): // a dot: an extension's setting
			carried[s.Name] = s.Value
		default:
			unknown = append(unknown, s.Name)
		}
	}
	return carried, unknown
}

// File writes settings in the form of postgresql.conf, sorted.
func File(comment string, settings map[string]string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", comment)
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&b, "%s = '%s'\n", name, strings.ReplaceAll(settings[name], "'", "''"))
	}
	return []byte(b.String())
}
