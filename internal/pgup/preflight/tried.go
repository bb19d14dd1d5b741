package preflight

import "github.com/lullhq/lull/internal/checks"

// tried are found on a throw-away server of the new version, which lull check --quick leaves out.
var tried = []checks.Check{
	{
		ID: "not-tried", Severity: checks.Warning, Asks: checks.Machine, Title: "The new version could not be tried",
		Why: "Whether the definitions load and the settings are understood is known only when it is tried.",
		Fix: "Do what the error says, or count on pg_upgrade to say the same later: lull rehearse.",
		How: "Lull makes a server of the new version in a temporary folder, without a port, and throws it away.",
	},
	{
		ID: "settings-removed", Severity: checks.Warning, Asks: checks.Machine, Title: "Settings of the source are not known to the new version",
		Why:  "A server does not start with a setting that it does not know.",
		Fix:  "Set what takes their place in target.settings of lull.yaml, where something does.",
		Lull: "Lull leaves them out of the new server's configuration.",
		How:  "The source's changed settings against postgres --describe-config of the new version.",
	},
	{
		ID: "settings-refused", Severity: checks.Blocker, Asks: checks.Machine, Title: "The new version does not take the value of settings",
		Why: "The new server would not start.",
		Fix: "Give each a value that it takes, in target.settings of lull.yaml.",
		How: "The new version's server reads the settings: postgres -C.",
	},
	{
		ID: "preload-libraries", Severity: checks.Blocker, Asks: checks.Machine, Title: "Libraries that the source preloads are not there for the new version",
		Why: "The new server would not start.",
		Fix: "Install the package of the extension for the new version, or take it out of shared_preload_libraries on the source.",
		How: "A throw-away server starts with the same shared_preload_libraries.",
	},
	{
		ID: "globals-load", Severity: checks.Blocker, Asks: checks.Machine, Title: "Roles cannot be loaded by the new version",
		Why: "pg_upgrade loads the same and stops at the first error.",
		Fix: "Change or drop what is refused, on the source.",
		How: "pg_dumpall --globals-only of the new version, without passwords, loaded into a throw-away server.",
	},
	{
		ID: "schema-load", Severity: checks.Blocker, Asks: checks.Machine, Title: "Definitions cannot be loaded by the new version",
		Why: "pg_upgrade loads the same and stops at the first error. The first is often the cause of those after it.",
		Fix: "Change or drop what is refused, on the source. Where it is nothing that anybody wrote, such as a parameter that is not in the manual, install the newest minor version of the new version first: it has to be as new as the source's.",
		How: "pg_dump --schema-only of the new version, loaded into a throw-away server. It takes the weakest lock on each table for as long as it reads definitions.",
	},
	{
		ID: "pg-upgrade-check", Severity: checks.Blocker, Asks: checks.Machine, Title: "pg_upgrade refuses",
		Why: "The same program makes the new server of the copy, and refuses it then.",
		Fix: "Change on the source what it names. Another finding here often says more of the same.",
		How: "pg_upgrade --check on a throw-away server of the old version, with the source's definitions and without its rows.",
	},
	{
		ID: "extension-missing", Severity: checks.Blocker, Asks: checks.Machine, Title: "Extensions are not there for the new version",
		Why: "Their functions cannot be loaded: pg_upgrade refuses.",
		Fix: "Install the package of the extension for the new version, or DROP EXTENSION.",
		How: "pg_extension of the source against pg_available_extensions of a throw-away server.",
	},
	{
		ID: "extension-path", Severity: checks.Blocker, Asks: checks.Machine, Title: "The new version has no way to update extensions from where they are",
		Why: "The catalog would say a version whose functions are not there.",
		Fix: "Update the extension on the source first: ALTER EXTENSION ... UPDATE.",
		How: "pg_extension_update_paths of a throw-away server.",
	},
	{
		ID: "extension-updates", Severity: checks.Note, Asks: checks.Machine, Title: "Extensions are newer in the new version",
		Why:  "pg_upgrade leaves them as they were.",
		Fix:  "Read their release notes.",
		Lull: "Lull runs ALTER EXTENSION UPDATE on the new server before the switch.",
		How:  "pg_extension of the source against pg_available_extensions of a throw-away server.",
	},
	{
		ID: "libraries", Severity: checks.Blocker, Asks: checks.Machine, Title: "Libraries with functions are not there for the new version",
		Why: "pg_upgrade loads each of them, and refuses when one is missing.",
		Fix: "Install the library for the new version, or drop the functions.",
		How: "LOAD on a throw-away server, of every library that pg_proc of the source names.",
	},
	{
		ID: "jit", Severity: checks.Blocker, Asks: checks.Machine, Title: "The new version cannot compile queries, and tries to",
		Why: "Every query that costs more than jit_above_cost would fail.",
		Fix: "Install what the error names, or set jit: off in target.settings of lull.yaml.",
		How: "A query with jit_above_cost = 0 on a throw-away server, unless jit is off on the source or in target.settings.",
	},
	{
		ID: "cache-libraries", Severity: checks.Warning, Asks: checks.Machine, Title: "The libraries that fill the new server's cache are not there",
		Why: "Without pg_prewarm beside the new version's programs its cache stays cold, and everything is slow at first. Without pg_buffercache on the source nobody knows what it has in memory: the tables and indexes are read that are read most for their size.",
		Fix: "Install PostgreSQL's additional modules where one is missing: Debian has them in the server's own package, others in postgresql-contrib. No server has to be started again, and no extension made.",
		How: "LOAD on a throw-away server and on the source, in a session that ends with it.",
	},
	{
		ID: "collation-libraries", Severity: checks.Note, Asks: checks.Machine, Title: "The two servers sort text by different libraries",
		Why:  "An index in the old order misses rows that are there.",
		Fix:  "Nothing. A partition's bounds and a CHECK on the order of text are yours to look at.",
		Lull: "Lull rebuilds these indexes on the new server before it follows the old one.",
		How:  "The versions of the C library's and ICU's collations on both servers.",
	},
	{
		ID: "apply-rehearsal", Severity: checks.Blocker, Asks: checks.Machine, Title: "Rows cannot be applied",
		Why: "Replication puts rows in with an empty search_path. What a check, an index or a generated column calls has to be found all the same, or the copy stops at the first such row.",
		Fix: "Name schemas in the functions that fail, or give them a path: ALTER FUNCTION ... SET search_path.",
		How: "One row of each table, put into a throw-away server as a replica without a search_path, and taken back.",
	},
}
