package preflight

import "github.com/lullhq/lull/internal/checks"

// elsewhere are found by code that does more than to ask a server: its words come with the
// finding, and what is always the same about it stands here.
var elsewhere = []checks.Check{
	{
		ID: "source-login", Severity: checks.Blocker, Asks: checks.Source, Title: "The source cannot be reached",
		Why: "Everything else is asked of it.", Fix: "Check host, port, user and password of the source in lull.yaml.",
		How: "Lull connects with the source's dsn.",
	},
	{
		ID: "version", Severity: checks.Blocker, Asks: checks.Files, Title: "The source's version and the one asked for do not go together",
		Why: "Logical replication exists from 10 on, and only a newer server can follow an older one here.", Fix: "Name a newer version in the plan.",
		How: "server_version_num against `to` in the plan.",
	},
	{
		ID: "own-store", Severity: checks.Blocker, Asks: checks.Source, Title: "Lull's own store is on the server that is to be upgraded",
		Why: "It would be held, and left behind, with everything else there.", Fix: "Move the store to another server, or to a file.",
		How: "The system identifiers of both servers, because one server has many addresses.",
	},
	{
		ID: "programs", Severity: checks.Blocker, Asks: checks.Machine, Title: "PostgreSQL's programs are not all there",
		Why: "The copy is made with those of the old version and upgraded with those of the new one.", Fix: "Install them, or name their folder as bin in lull.yaml.",
		How: "Lull looks in bin, LULL_PG_DIRS, where packages put them, and PATH.",
	},
	{
		ID: "target-folder", Severity: checks.Blocker, Asks: checks.Machine, Title: "The target's folder cannot be used",
		Why: "The new server's files go there, and nothing there is overwritten.", Fix: "Name an empty folder in target.data.",
		How: "Lull looks into target.data and the folder above it.",
	},
	{
		ID: "copy-folder", Severity: checks.Blocker, Asks: checks.Machine, Title: "The folder for the copy exists",
		Why: "It may be of another upgrade that is under way.", Fix: "Remove it when no other upgrade uses it.",
		How: "Lull looks beside target.data.",
	},
	{
		ID: "disk", Severity: checks.Blocker, Asks: checks.Machine, Title: "The target's disk has too little room",
		Why: "The copy, what is written meanwhile and some log have to fit.", Fix: "Make room, or put target.data on a larger disk.",
		How: "The free bytes of the file system against the size of the databases, a fifth more, and 1 GB.",
	},
	{
		ID: "target-socket", Severity: checks.Blocker, Asks: checks.Machine, Title: "The folder for the target's socket cannot be used",
		Why: "The new server would not start.", Fix: "Make that folder, or name another in target.socket_dir.",
		How: "Lull looks at target.socket_dir.",
	},
	{
		ID: "target-port", Severity: checks.Blocker, Asks: checks.Machine, Title: "The target cannot listen on its port",
		Why: "The new server would not start.", Fix: "Name an address of this machine and a free port.",
		How: "Lull listens there for a moment.",
	},
	{
		ID: "large-objects", Severity: checks.Warning, Asks: checks.Source, Title: "There are large objects",
		Why:  "No replication carries them. What changes in them until the switch is looked for in the hold, while clients wait.",
		Fix:  "Keep writing to them low around the switch, remove those that nobody uses (vacuumlo), or move them into a bytea column.",
		Lull: "Lull copies those that changed, before the hold and in it. It stands in the way when that would take more than half of the hold's budget.",
		How:  "Their number and size, and how fast this server reads them.",
	},
	{
		ID: "unlogged", Severity: checks.Warning, Asks: checks.Source, Title: "There are unlogged tables",
		Why:  "They are not in the log, so they arrive empty and nothing replicates them.",
		Fix:  "Write unlogged: empty into the plan's step if they may begin empty, or ALTER TABLE ... SET LOGGED.",
		Lull: "Lull copies them, and what changed once more in the hold. It stands in the way when that would take more than half of the hold's budget.",
		How:  "Their size, and how fast this server reads them.",
	},
	{
		ID: "keyless", Severity: checks.Warning, Asks: checks.Source, Source: checks.Versions{To: 15}, Title: "Rows change in tables without a unique key",
		Why: "On the way back a server before 16 reads the whole table for each row that changes.",
		Fix: "Give them a primary key, or count on a rollback that has to wait until the old server has caught up.",
		How: "The catalog, and the counters of updates and deletes in pg_stat_user_tables.",
	},
	{
		ID: "statements", Severity: checks.Warning, Asks: checks.Source, Title: "Statements cannot be compared",
		Why: "Without pg_stat_statements nobody can say after the switch whether the new server is slower than the old one was.",
		Fix: "On the source: add pg_stat_statements to shared_preload_libraries, restart it, CREATE EXTENSION pg_stat_statements, and let a working day pass.",
		How: "Lull reads its counters.",
	},
	pooler("pooler", checks.Blocker, "The cluster has no pooler", "Clients can only be held at one.", "lull.yaml."),
	pooler("pooler-login", checks.Blocker, "A pooler's console does not let Lull in", "Clients are held by PAUSE, given there.", "Lull logs in."),
	pooler("pooler-admin", checks.Blocker, "Lull may look at a pooler and not pause it", "Clients are held by PAUSE.", "admin_users, and a command that changes nothing."),
	pooler("pooler-version", checks.Warning, "A pooler is older than what Lull was tried with", "Its PAUSE may behave in another way.", "SHOW VERSION."),
	pooler("pooler-siblings", checks.Blocker, "Several processes of a pooler share its port", "The console reaches one of them, and the others would not hold anybody.", "so_reuseport."),
	pooler("pooler-paused", checks.Blocker, "Somebody has paused a pooler", "Clients wait already, and Lull would let them go at its own end.", "SHOW DATABASES, and a wait."),
	pooler("pooler-session", checks.Blocker, "A pooler pools sessions", "A hold would wait until those clients leave by themselves.", "pool_mode of the pooler, its databases and its users."),
	pooler("pooler-wait", checks.Blocker, "A pooler throws out clients that wait", "A hold must not fail a statement.", "query_wait_timeout against the hold's budget."),
	pooler("pooler-file", checks.Blocker, "A pooler's configuration cannot be read or edited", "Clients are sent to the new server by it.", "The file that lull.yaml names."),
	pooler("pooler-file-other", checks.Blocker, "A pooler was started with another file", "An edit of this one would change nothing.", "conffile in SHOW CONFIG."),
	pooler("pooler-file-write", checks.Blocker, "A pooler's configuration cannot be replaced", "Clients are sent to the new server by it.", "The rights on the file and its folder."),
	pooler("pooler-entries", checks.Blocker, "A pooler's entries are not what the file says, or none is the source's", "After a reload clients would go where nobody expects it.", "SHOW DATABASES against the file."),
	pooler("pooler-target", checks.Warning, "A pooler sends somebody to the new server already", "A way back would take them to the old one as well.", "SHOW DATABASES."),
	pooler("pooler-signal", checks.Warning, "A pooler's process cannot be signalled", "If its console falls silent while clients are held, they wait until it answers again.", "pidfile, and whether Lull may signal that process."),
	pooler("hook-program", checks.Blocker, "A command of a gate cannot be run", "Clients are held and let go by it.", "Its file."),
	pooler("hook-where", checks.Blocker, "A gate's command does not say where clients are", "Lull decides nothing without knowing.", "Lull runs the command."),
	pooler("hook-held", checks.Blocker, "A gate holds clients already", "Lull would let them go at its own end.", "Lull runs the command that looks."),
	pooler("hook-target", checks.Blocker, "A gate sends clients elsewhere than to the source", "There is nobody to move, or the two addresses are not what the command compares.", "Lull runs the command that looks."),
	pooler("hook-budget", checks.Warning, "A gate's hold command alone may use up the hold's budget", "Each try would be given up.", "`within` against hold_budget."),
	{
		ID: "notices-lacking", Severity: checks.Blocker, Asks: checks.Files, Title: "The plan lacks notices that lull.yaml asks for",
		Why: "People count on hearing of it in time.", Fix: "Add them, or write who has decided otherwise: short_notice.", How: "The plan against notices.policy.",
	},
	{
		ID: "notice-too-late", Severity: checks.Blocker, Asks: checks.Files, Title: "It is announced too late",
		Why: "People count on hearing of it in time.", Fix: "Move window.start, or write who has decided otherwise: short_notice.", How: "The plan against notices.policy.",
	},
	{
		ID: "link-dead", Severity: checks.Blocker, Asks: checks.Files, Title: "An address that people are given does not answer",
		Why: "Whoever follows it from a notice or a banner stands before a closed door.", Fix: "Correct the address, or see to it that it answers 200. The status page is there while lull serve runs.",
		How: "Each address in the plan's title and summary, in your own texts of notices, and that of the status page where anybody is sent to it, is fetched.",
	},
	{
		ID: "link-elsewhere", Severity: checks.Warning, Asks: checks.Files, Title: "An address that people are given leads elsewhere, or asks for a login",
		Why: "What people see then is not what was meant for them, and an address that leads on today may be dead at the time.", Fix: "Write the address that it leads to. Of a page behind a login: be sure that all who are told have one.",
		How: "The same addresses: a redirect, 401 or 403.",
	},
	{
		ID: "link-private", Severity: checks.Warning, Asks: checks.Files, Title: "An address that people are given is inside a private network",
		Why: "Nobody outside can open it.", Fix: "Write the address by which people reach it: of the status page, that is server: {url: ...} in lull.yaml. If all who are told are inside, name the network under notices: private: there, and it is fetched.",
		How: "What the name of the address stands for, when it is dialled.",
	},
	{
		ID: "link-spellings", Severity: checks.Warning, Asks: checks.Files, Title: "An address stands there in two spellings",
		Why: "One of them may be dead, or lead through the other, and nobody looks at both.", Fix: "Write it the same everywhere.",
		How: "The same addresses and those of the sites: with http and https, with and without www, with and without a slash at the end.",
	},
	{
		ID: "spelling", Severity: checks.Warning, Asks: checks.Files, Title: "Words that no dictionary has",
		Why: "Everybody whom it concerns reads them.", Fix: "Correct them. If one is right, add it to the list spelling: in lull.yaml.",
		How: "Hunspell with the dictionaries of this machine, over the plan's title and summary and your own texts of notices.",
	},
	{
		ID: "spelling-not-read", Severity: checks.Note, Asks: checks.Files, Title: "The spelling was not looked at",
		Why: "A misspelt title is on every banner.", Fix: "Install Hunspell with a dictionary of the language, such as: apt-get install hunspell hunspell-en-us. Of English, common misspellings are found without.",
		How: "Whether hunspell is there, and what hunspell -D lists.",
	},
	{
		ID: "not-rehearsed", Severity: checks.Warning, Asks: checks.Files, Title: "It was not rehearsed",
		Why: "Nobody knows how long it will take, and whether the window fits.", Fix: "lull rehearse the plan.",
		How: "The record of the plan's rehearsals.",
	},
	{
		ID: "window-too-short", Severity: checks.Blocker, Asks: checks.Files, Title: "The window is shorter than the forecast",
		Why: "People were promised that it would be over.", Fix: "Give window.allow more, or write short_window into the plan with the name of who has decided so, and why.",
		How: "The median of the last five rehearsals, for as much as there is to do today, against the window or what is left of it.",
	},
	{
		ID: "window-tight", Severity: checks.Warning, Asks: checks.Files, Title: "The work may be longer than the window",
		Why: "Two runs of the same thing differ.", Fix: "Give window.allow more, or rehearse once more to be surer.",
		How: "The upper end of the forecast against the window.",
	},
	{
		ID: "harden-tls", Severity: checks.Blocker, Asks: checks.Files, Title: "The plan asks for TLS that the new server would not speak",
		Why: "tls and hba: strict in harden refuse clients without TLS, so that nobody at another machine could log in.",
		Fix: "Name a certificate and its key in harden, or set ssl, ssl_cert_file and ssl_key_file in target.settings of lull.yaml.",
		How: "harden in the plan against target.settings.",
	},
	{
		ID: "harden-certificate", Severity: checks.Blocker, Asks: checks.Files, Title: "The new server's certificate cannot be used",
		Why: "The server would refuse to speak TLS with it, or clients would refuse the server.", Fix: "Name files that Lull can read and that belong together, of a certificate that holds today.",
		How: "Lull reads the files that harden names: whether the key is the certificate's, and from when to when it holds.",
	},
	{
		ID: "harden-rules", Severity: checks.Blocker, Asks: checks.Source, Title: "The access rules cannot be made stricter",
		Why: "Lines that read other files are not followed, and a line that is not understood is not rewritten.", Fix: "Write the rules into pg_hba.conf itself, or take hba and scram out of harden.",
		How: "Lull rewrites the source's pg_hba.conf in memory.",
	},
	{
		ID: "wal-room", Severity: checks.Warning, Asks: checks.Files, Title: "The source will have to keep more WAL than it may",
		Why: "It keeps all that is written while the new server is made and catches up. Past wal_budget the copy is given up, before the disk is full.",
		Fix: "Choose a quieter time, make room on the source's disk, or give the upgrade a larger wal_budget.",
		How: "The bytes a second that are written to the WAL now, for as long as the forecast has the upgrade take, against wal_budget or half of the room on the source's disk.",
	},
	{
		ID: "forecast-doubtful", Severity: checks.Warning, Asks: checks.Files, Title: "There is far more to do than when it was rehearsed",
		Why: "The forecast scales with sizes and rates, and the farther it goes the less it is worth.", Fix: "lull rehearse the plan.",
		How: "The last rehearsal by the sizes and rates of today, against those of its own day: more than 30 % longer.",
	},
}

func pooler(id string, severity checks.Severity, title, why, how string) checks.Check {
	return checks.Check{ID: id, Severity: severity, Asks: checks.Pooler, Title: title, Why: why, Fix: "The finding says it for the pooler it is about.", How: how}
}
