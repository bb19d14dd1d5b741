package security

import "github.com/lullhq/lull/internal/checks"

const introduction = `
# What is checked for security

` + "`lull check --security plan.yaml`" + ` looks for all of this on the clusters of the plan's upgrades, and changes nothing: on the source, on the target if it runs, and
at each PgBouncer before them. The exit code is 1 when a blocker, or anything to be fixed, is among it. What [security.md](security.md) says of it is not repeated here.

A check has the severity that stands there unless the object that it finds is worse or better than most: then the finding says so.
`

// Page is the second part of docs/checks.md.
func Page() string { return introduction + checks.Section(Catalogue()) }
