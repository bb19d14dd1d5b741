package preflight

import "github.com/lullhq/lull/internal/checks"

const introduction = `# What is checked before an upgrade

` + "`lull check plan.yaml`" + ` looks for all of this and changes nothing. ` + "`--json`" + ` is for programs, ` + "`-o report.md`" + ` writes a report with everything that was
found and every command that puts it right. The exit code is 1 when a blocker is among it, and ` + "`lull run`" + ` refuses to begin then.

What is asked of the machine here is tried on a throw-away server of the new version, in a temporary folder and without a port: definitions of all
databases are loaded, settings and libraries given to it, and a row of each table put in and taken back. It takes seconds to a minute, about 60 MB,
and reads the source only. ` + "`--quick`" + ` leaves it out, and so does ` + "`lull run`" + `.

Each query reads only, waits two seconds at most for a lock, and is given up after 30 seconds: then the finding says that nobody knows.
Every query of this page can be run by hand. In them @databases is how many databases are upgraded, @upgraded their names, @from and @to the
two versions, @way_back whether the plan keeps a way back, @prefix how the names of what Lull makes begin, @hold_ms the hold's budget,
@long_ms the age of a transaction that is told, and @target_ssl and @target_archives whether lull.yaml sets these for the new server.

This page is made from the code: ` + "`go test ./internal/pgup/preflight -run TestPage -update`" + `.
`

// Page is docs/checks.md.
func Page() string { return introduction + checks.Page(Catalogue()) }
