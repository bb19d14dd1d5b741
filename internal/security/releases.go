package security

import (
	"fmt"
	"strings"

	"github.com/lullhq/lull/internal/checks"
)

// KnownAt is when the table of releases was last brought up to date as a whole.
const KnownAt = "August 2026"

// Release is the newest minor version of a major one that was known at KnownAt, or was met since.
type Release struct {
	Major, Minor int
	Ends         string // day of its last release, after which nothing is mended (postgresql.org, "Versioning Policy")
}

// Releases are those of all majors that Lull works with.
var Releases = []Release{
	{10, 23, "2022-11-10"}, {11, 22, "2023-11-09"}, {12, 22, "2024-11-21"}, {13, 23, "2025-11-13"}, {14, 24, "2026-11-12"},
	{15, 19, "2027-11-11"}, {16, 15, "2028-11-09"}, {17, 12, "2029-11-08"}, {18, 6, "2030-11-14"},
}

func releaseRows() string {
	rows := make([]string, len(Releases))
	for i, r := range Releases {
		rows[i] = fmt.Sprintf("(%d, %d, date '%s')", r.Major, r.Minor, r.Ends)
	}
	return strings.Join(rows, ", ")
}

var releases = []checks.Check{
	{
		ID: "version-minor", Severity: checks.Warning, Once: true, Topic: patches, Title: "A newer minor version is out",
		Why:    "Holes that it closes are published with it. Lull's list is of " + KnownAt + ": there may be a newer one still.",
		Fix:    "Install the newest packages of this major version and restart the server.",
		Breaks: "Nothing as a rule: minor versions change no behaviour but that of faults. Their release notes say what else.",
		SQL: `SELECT format('%s, and %s.%s is known', split_part(current_setting('server_version'), ' ', 1), major, minor) AS object
		      FROM (VALUES ` + releaseRows() + `) AS r(major, minor, ends)
		      WHERE major = @from::int AND current_setting('server_version_num')::int % 10000 < minor`,
	},
	{
		ID: "version-ended", Severity: checks.Fix, Once: true, Topic: patches, Title: "The version is not kept up any more",
		Why:    "Holes that are found in it are not closed.",
		Fix:    "Upgrade to a newer major version.",
		Breaks: "See what lull check says without --security.",
		SQL: `SELECT format('PostgreSQL %s, its last release was on %s', major, ends) AS object
		      FROM (VALUES ` + releaseRows() + `) AS r(major, minor, ends) WHERE major = @from::int AND ends < current_date`,
	},
}
