// Package preflight is the catalogue of what is looked for before an upgrade: everything that
// would stop it, that does not come along, or that is another way afterwards. A file has what is
// about one part of a cluster. docs/checks.md is made from it.
//
// It must not know of steps, or of how a check is run.
package preflight

import (
	"slices"

	"github.com/lullhq/lull/internal/checks"
)

// Catalogue gives the checks in the order in which their findings are told.
func Catalogue() []checks.Check {
	all := slices.Concat(elsewhere, tried, server, surroundings, wholeCluster, types, routines, tables, settings, activity)
	for i := range all {
		all[i].Group = checks.Upgrade
		if all[i].Asks == "" {
			all[i].Asks = checks.Source
		}
	}
	return all
}

// Find gives the check of that name, which has to be there.
func Find(id string) checks.Check {
	all := Catalogue()
	return all[slices.IndexFunc(all, func(c checks.Check) bool { return c.ID == id })]
}

// Facts that the queries use, besides @from and @to.
const (
	Databases = "databases" // how many databases are upgraded
	Upgraded  = "upgraded"  // their names
	WayBack   = "way_back"  // whether the old server is to follow the new one
	Prefix    = "prefix"    // how the names begin of what this maintenance makes on servers
	HoldMS    = "hold_ms"   // how long clients may be held, in milliseconds
	LongMS    = "long_ms"   // since when an open transaction is told, in milliseconds

	TargetSSL      = "target_ssl"      // whether lull.yaml gives the new server its own ssl
	TargetArchives = "target_archives" // and its own archive_mode
)

// early end a check before the rest of the catalogue is asked.
var early = []string{"source-login", "version", "own-store", "standby", "superuser", "programs"}

// Partial says that a check came to an early end: what it has not found may be there all the same.
func Partial(found []checks.Finding) bool {
	return slices.ContainsFunc(found, func(f checks.Finding) bool { return slices.Contains(early, f.ID) })
}

// Tried are those of the findings that only a throw-away server tells.
func Tried(found []checks.Finding) (out []checks.Finding) {
	for _, f := range found {
		if slices.ContainsFunc(tried, func(c checks.Check) bool { return c.ID == f.ID }) {
			out = append(out, f)
		}
	}
	return out
}

// NotTried says that there was no throw-away server to tell anything.
func NotTried(found []checks.Finding) bool {
	return slices.ContainsFunc(found, func(f checks.Finding) bool { return f.ID == "not-tried" })
}
