// Package security is the catalogue of what makes a server, or the pooler before it, easier to
// break into than it has to be: passwords, access rules, TLS, privileges, settings, old versions. A
// file has what is about one of these. The second part of docs/checks.md is made from it.
//
// It must not know of upgrades, of steps, or of how a check is run.
package security

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/checks"
)

// Chapters of the CIS PostgreSQL Benchmark, by their names.
const (
	patches     = "Installation and Patches"
	permissions = "Directory and File Permissions"
	logging     = "Logging And Auditing"
	users       = "User Access and Authorization"
	login       = "Connection and Login"
	server      = "PostgreSQL Settings"
	replication = "Replication"
)

// Catalogue gives the checks in the order in which their findings are told.
func Catalogue() []checks.Check {
	all := slices.Concat(passwords, access, transport, roles, contents, settings, leftovers, releases, poolers, clients)
	for i := range all {
		all[i].Group = checks.Security
		if all[i].Asks == "" {
			all[i].Asks = checks.Each
		}
	}
	return all
}

// Audit asks one server of that major version all that the catalogue has for servers. Nothing is
// changed. An error means that it could not be reached.
func Audit(ctx context.Context, s checks.Server, major int) ([]checks.Finding, error) {
	found, err := checks.Run(ctx, Catalogue(), checks.Subject{
		Servers: map[checks.Audience]checks.Server{checks.Each: s}, From: major, To: major, Facts: pgx.NamedArgs{},
	})
	checks.Sort(found)
	return found, err
}

// ours is true of the objects of a schema of the user's own.
const ours = ` n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' `

// unowned is true of a function that no extension brought.
const unowned = ` NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e') `
