package pgup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgserver"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/preflight"
	"github.com/lullhq/lull/internal/pgup/seed"
	"github.com/lullhq/lull/internal/pgup/tryout"
	"github.com/lullhq/lull/internal/run"
)

// surveyed is what the first step keeps: the source as it was when everything was in
// order. Later runs go by it, so that a database made meanwhile is noticed and not half upgraded.
type surveyed struct {
	Inventory cluster.Inventory `json:"inventory"`
}

func (u *Upgrade) preflight() run.Item {
	return u.item("preflight", "Checks before anything is changed", step{ready: unasked, observe: u.seePreflight, apply: u.survey})
}

// unasked leaves the servers alone: preflight finds out about them by itself, with better words when they cannot be reached.
func unasked(context.Context) error { return nil }

// seePreflight also tells all later steps where things stand: which databases there are, and whether clients have moved.
func (u *Upgrade) seePreflight(ctx context.Context, rec run.Recorder) (run.Observation, error) {
	var memo surveyed
	passed, err := rec.Memo(&memo)
	if err != nil || !passed {
		return run.Observation{Presence: run.Absent}, err
	}
	if err := checks.Refusal(u.checkRecord(memo.Inventory)); err != nil {
		return run.Observation{}, err
	}
	if err := u.adopt(memo.Inventory); err != nil {
		return run.Observation{}, err
	}
	if u.past, err = u.onTarget(ctx); err != nil {
		return run.Observation{}, err
	}
	return run.Observation{Presence: run.Done, Evidence: fmt.Sprintf("PostgreSQL %s, databases: %d, %s", memo.Inventory.VersionText, len(memo.Inventory.Databases), bytesText(memo.Inventory.Bytes))}, nil
}

// adopt takes an inventory as the truth and finds the programs that it calls for.
func (u *Upgrade) adopt(inv cluster.Inventory) error {
	from, err := pgserver.Find(inv.Major(), u.Bin...)
	if err != nil {
		return err
	}
	to, err := pgserver.Find(u.To, u.Bin...)
	if err != nil {
		return err
	}
	if from, err = from.RunAs(u.RunAs); err != nil {
		return err
	}
	if to, err = to.RunAs(u.RunAs); err != nil {
		return err
	}
	u.inv = inv
	u.seed = seed.Physical{Source: u.Source, Inventory: inv, Old: from, New: to, Data: u.Data, Jobs: u.Jobs}
	u.server = u.seed.Server(u.Place)
	return nil
}

func (u *Upgrade) survey(ctx context.Context, rec run.Recorder) error {
	rec.Progress(run.Progress{Text: "checking", Public: "Checking that all is in order"})
	findings, err := u.Check(ctx)
	if err != nil {
		return err
	}
	if err := checks.Refusal(findings); err != nil {
		return err
	}
	for _, f := range findings {
		if f.Severity == checks.Note {
			continue
		}
		if err := rec.Note(ctx, f.Text+" "+f.Fix, nil); err != nil {
			return err
		}
	}
	if err := rec.Keep(ctx, surveyed{u.inv}); err != nil {
		return err
	}
	return rec.Note(ctx, fmt.Sprintf("The source is PostgreSQL %s. Databases: %d, %s in all.", u.inv.VersionText, len(u.inv.Databases), bytesText(u.inv.Bytes)),
		maint.Figures{"from": float64(u.inv.Major()), "to": float64(u.To), "databases": float64(len(u.inv.Databases)), "database_bytes": float64(u.inv.Bytes)})
}

// Check looks for everything that would stop the upgrade, or that a person has to know, and changes
// nothing. An error means that the looking itself was not possible.
func (u *Upgrade) Check(ctx context.Context) ([]checks.Finding, error) {
	found, err := u.look(ctx)
	checks.Explain(found, preflight.Catalogue())
	checks.Sort(found)
	return found, err
}

// Try tries the new version on a throw-away server: what no catalog tells. It comes after Check, and
// tries nothing where that has not come as far as to know both versions' programs.
func (u *Upgrade) Try(ctx context.Context) []checks.Finding {
	if u.inv.Version == 0 {
		return nil
	}
	t := tryout.Trial{Source: u.Source, Inventory: u.inv, Old: u.seed.Old, New: u.seed.New, Settings: u.Place.Settings}
	return u.atSource(t.Run(ctx))
}

func (u *Upgrade) look(ctx context.Context) ([]checks.Finding, error) {
	inv, err := cluster.Take(ctx, u.Source)
	if err != nil {
		return on(AboutDSN, u.unreachable(err)), nil
	}
	found := append(on(AboutTo, u.checkVersion(inv)...), u.atSource(u.checkRecord(inv))...)
	if checks.Refusal(found) != nil {
		return found, nil // the rest asks questions that a wrong server cannot answer
	}
	asked, err := checks.Run(ctx, checks.Of(preflight.Catalogue(), checks.Upgrade), u.subject(inv))
	if err != nil {
		return nil, err
	}
	found = append(append(found, u.atSource(asked)...), u.checkPrograms(inv)...)
	if inv.InRecovery || !inv.Superuser || slices.ContainsFunc(found, func(f checks.Finding) bool { return f.ID == "programs" }) {
		return found, nil
	}
	if err := u.adopt(inv); err != nil {
		return nil, err
	}
	found = append(found, u.checkPlace(ctx)...)
	for _, check := range []func(context.Context) ([]checks.Finding, error){u.checkContents, u.checkKeyless, u.checkMeasure, u.checkHarden} {
		more, err := check(ctx)
		if err != nil {
			return nil, err
		}
		found = append(found, u.atSource(more)...)
	}
	poolers, err := u.checkPoolers(ctx)
	return append(found, poolers...), err
}

// longOpen is since when a check tells of a transaction.
const longOpen = time.Minute

func (u *Upgrade) sets(name string) bool { return u.Place.Settings[name] != "" }

// subject is what the catalogue's queries are asked of, with what they need to know of the plan.
func (u *Upgrade) subject(inv cluster.Inventory) checks.Subject {
	names := make([]string, len(inv.Databases))
	for i, d := range inv.Databases {
		names[i] = d.Name
	}
	return checks.Subject{
		Servers: map[checks.Audience]checks.Server{checks.Source: u.Source}, From: inv.Major(), To: u.To,
		Facts: pgx.NamedArgs{
			preflight.Databases: len(names), preflight.Upgraded: names, preflight.WayBack: u.WayBack,
			preflight.Prefix: u.object(), preflight.HoldMS: u.HoldBudget.Milliseconds(),
			preflight.LongMS: longOpen.Milliseconds(), preflight.TargetSSL: u.sets("ssl") || u.Harden.Certified(), preflight.TargetArchives: u.sets("archive_mode"),
		},
	}
}

// atSource says that the findings are of the server, not of a file.
func (u *Upgrade) atSource(found []checks.Finding) []checks.Finding {
	if at, err := u.sourceAddr(); err == nil {
		for i := range found {
			found[i].Where = at.String()
		}
	}
	return found
}

// unreachable turns a failed connection into what the operator can do about it.
func (u *Upgrade) unreachable(err error) checks.Finding {
	const id = "source-login"
	entry := fmt.Sprintf("clusters.%s.source", u.Cluster)
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return blocker(id, "Check host and port in "+entry+".dsn, and that the server runs.", "%v.", err)
	}
	switch refused.Code {
	case "28P01":
		return blocker(id, "Check the password of "+entry+" (password_file, or password in the dsn).", "%v.", err)
	case "28000":
		return blocker(id, "Check user and host in "+entry+".dsn, and the server's pg_hba.conf.", "%v.", err)
	case "3D000":
		return blocker(id, "Name a database that exists in "+entry+".dsn: dbname=postgres.", "%v.", err)
	}
	return blocker(id, "See the server's log.", "%v.", err)
}

func (u *Upgrade) checkVersion(inv cluster.Inventory) []checks.Finding {
	next := fmt.Sprintf("Name a version newer than %d.", inv.Major())
	switch {
	case inv.Major() < 10:
		return []checks.Finding{blocker("version", "Upgrade to 10 or newer by other means first.", "The source is PostgreSQL %s. Logical replication exists from 10 on.", inv.VersionText)}
	case u.To == inv.Major():
		return []checks.Finding{blocker("version", next, "The source is PostgreSQL %d already.", inv.Major())}
	case u.To < inv.Major():
		return []checks.Finding{blocker("version", next, "The source is PostgreSQL %d, which is newer than %d.", inv.Major(), u.To)}
	}
	return nil
}

// checkPrograms looks for the programs of both versions.
func (u *Upgrade) checkPrograms(inv cluster.Inventory) (out []checks.Finding) {
	if _, err := pgserver.Find(inv.Major(), u.Bin...); err != nil {
		out = append(out, on(AboutBin, blocker("programs", sentence(hint.Of(err)), "%v.", err))...)
	}
	if _, err := pgserver.Find(u.To, u.Bin...); err != nil && u.To > inv.Major() {
		out = append(out, on(AboutTo, blocker("programs", sentence(hint.Of(err)), "%v.", err))...)
	}
	return out
}

// checkRecord goes by the server's own identifier: one server has many addresses, those of poolers among them.
func (u *Upgrade) checkRecord(inv cluster.Inventory) []checks.Finding {
	if u.Record == "" || u.Record != inv.SystemIdentifier {
		return nil
	}
	return []checks.Finding{blocker("own-store", "Move the store to another server, or to a file (`store: lull.db` in lull.yaml), and announce the maintenance there.",
		"Lull's own store is on the server that is to be upgraded. It would be held, and left behind, with everything else there.")}
}

// checkContents looks for what no replication carries.
func (u *Upgrade) checkContents(ctx context.Context) ([]checks.Finding, error) {
	var mu sync.Mutex
	var out []checks.Finding
	err := u.eachDatabase(ctx, u.Source, func(ctx context.Context, conn *pgx.Conn, db cluster.Database) error {
		carried, err := u.checkDeltas(ctx, conn, db)
		mu.Lock()
		defer mu.Unlock()
		out = append(out, carried...)
		return err
	})
	slices.SortFunc(out, func(a, b checks.Finding) int { return strings.Compare(a.ID+a.Text, b.ID+b.Text) })
	return out, err
}
