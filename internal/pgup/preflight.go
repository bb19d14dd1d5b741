package pgup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgserver"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/seed"
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
	if err := Refusal(u.checkRecord(memo.Inventory)); err != nil {
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
	if err := Refusal(findings); err != nil {
		return err
	}
	for _, f := range findings {
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

// Check looks for everything that would stop the upgrade, and changes nothing.
// An error means that the looking itself was not possible.
func (u *Upgrade) Check(ctx context.Context) ([]Finding, error) {
	inv, err := cluster.Take(ctx, u.Source)
	if err != nil {
		return on(AboutDSN, u.unreachable(err)), nil
	}
	findings := on(AboutTo, u.checkVersion(inv)...)
	findings = append(findings, u.atSource(u.checkRecord(inv))...)
	findings = append(findings, u.atSource(u.checkServer(inv))...)
	findings = append(findings, u.checkPrograms(inv)...)
	if Refusal(findings) != nil {
		return findings, nil // the rest asks questions that a wrong server cannot answer
	}
	if err := u.adopt(inv); err != nil {
		return nil, err
	}
	findings = append(findings, u.checkPlace(ctx)...)
	for _, check := range []func(context.Context) ([]Finding, error){u.checkContents, u.checkSurroundings, u.checkKeyless, u.checkMeasure} {
		more, err := check(ctx)
		if err != nil {
			return nil, err
		}
		findings = append(findings, u.atSource(more)...)
	}
	poolers, err := u.checkPoolers(ctx)
	return append(findings, poolers...), err
}

// atSource says that the findings are of the server, not of a file.
func (u *Upgrade) atSource(found []Finding) []Finding {
	if at, err := u.sourceAddr(); err == nil {
		for i := range found {
			found[i].Where = at.String()
		}
	}
	return found
}

// unreachable turns a failed connection into what the operator can do about it.
func (u *Upgrade) unreachable(err error) Finding {
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

func (u *Upgrade) checkVersion(inv cluster.Inventory) []Finding {
	next := fmt.Sprintf("Name a version newer than %d.", inv.Major())
	switch {
	case inv.Major() < 10:
		return []Finding{blocker("version", "Upgrade to 10 or newer by other means first.", "The source is PostgreSQL %s. Logical replication exists from 10 on.", inv.VersionText)}
	case u.To == inv.Major():
		return []Finding{blocker("version", next, "The source is PostgreSQL %d already.", inv.Major())}
	case u.To < inv.Major():
		return []Finding{blocker("version", next, "The source is PostgreSQL %d, which is newer than %d.", inv.Major(), u.To)}
	}
	return nil
}

// checkPrograms looks for the programs of both versions.
func (u *Upgrade) checkPrograms(inv cluster.Inventory) (out []Finding) {
	if _, err := pgserver.Find(inv.Major(), u.Bin...); err != nil {
		out = append(out, on(AboutBin, blocker("programs", sentence(hint.Of(err)), "%v.", err))...)
	}
	if _, err := pgserver.Find(u.To, u.Bin...); err != nil && u.To > inv.Major() {
		out = append(out, on(AboutTo, blocker("programs", sentence(hint.Of(err)), "%v.", err))...)
	}
	return out
}

// checkRecord goes by the server's own identifier: one server has many addresses, those of poolers among them.
func (u *Upgrade) checkRecord(inv cluster.Inventory) []Finding {
	if u.Record == "" || u.Record != inv.SystemIdentifier {
		return nil
	}
	return []Finding{blocker("own-store", "Move the store to another server, or to a file (`store: lull.db` in lull.yaml), and announce the maintenance there.",
		"Lull's own store is on the server that is to be upgraded. It would be held, and left behind, with everything else there.")}
}

func (u *Upgrade) checkServer(inv cluster.Inventory) (out []Finding) {
	s, need := inv.Settings, len(inv.Databases)
	if inv.InRecovery {
		out = append(out, blocker("standby", "Name the primary in the source's dsn.", "The source is a standby."))
	}
	if !inv.Superuser {
		out = append(out, blocker("superuser", "Use a superuser in the source's dsn, one that is Lull's alone.", "Lull's role on the source is not a superuser. A publication of all tables and a fence need one."))
	}
	if s["wal_level"] != "logical" {
		out = append(out, blocker("wal_level", "On the source: ALTER SYSTEM SET wal_level = logical, then restart it.", "The source runs with wal_level = %s. Following its changes needs logical.", s["wal_level"]))
	}
	if inv.FreeSlots < need {
		out = append(out, blocker("slots", "On the source: raise max_replication_slots and restart it, or drop slots that nobody uses.", "Of the source's replication slots %d are free. Needed: %d, one a database.", max(0, inv.FreeSlots), need))
	}
	if inv.FreeSenders < need+2 {
		out = append(out, blocker("senders", "On the source: raise max_wal_senders and restart it.", "Of the source's WAL senders %d are free. Needed: %d.", max(0, inv.FreeSenders), need+2))
	}
	if workers, err := strconv.Atoi(s["max_logical_replication_workers"]); u.WayBack && err == nil && workers < need {
		out = append(out, blocker("workers", "On the source: raise max_logical_replication_workers and restart it, or write `way_back: off` in the plan.", "The way back needs a worker a database on the source, %d in all. It allows %d.", need, workers))
	}
	if libs, ok := s["output_plugin_libraries"]; ok && !strings.Contains(libs, "pgoutput") {
		out = append(out, blocker("output_plugin_libraries", "On the source: add pgoutput to output_plugin_libraries and reload.", "The source does not allow the output plugin pgoutput: output_plugin_libraries = %s.", libs))
	}
	if v, ok := s["max_slot_wal_keep_size"]; ok && v != "-1" {
		out = append(out, warning("max_slot_wal_keep_size", "Set it to -1 for the time of the upgrade.", "The source throws away WAL that a slot needs beyond %s.", v))
	}
	return out
}

func (u *Upgrade) checkContents(ctx context.Context) ([]Finding, error) {
	var mu sync.Mutex
	var out []Finding
	err := u.eachDatabase(ctx, u.Source, func(ctx context.Context, conn *pgx.Conn, db cluster.Database) error {
		o, err := cluster.LookObstacles(ctx, conn)
		if err != nil {
			return err
		}
		carried, err := u.checkDeltas(ctx, conn, db)
		if err != nil {
			return err
		}
		freezable, err := cluster.CanFreeze(ctx, conn)
		mu.Lock()
		defer mu.Unlock()
		if err == nil && !freezable {
			out = append(out, blocker("plpgsql", "CREATE EXTENSION plpgsql in it.", "Database %s lacks the language plpgsql, which it takes to freeze definitions.", db.Name))
		}
		out = append(out, carried...)
		if o.Lull {
			out = append(out, blocker("lull-schema", "Finish or abort the other upgrade, or drop schema lull.", "Database %s has a schema named lull that this maintenance did not make.", db.Name))
		}
		return err
	})
	slices.SortFunc(out, func(a, b Finding) int { return strings.Compare(a.ID+a.Text, b.ID+b.Text) })
	return out, err
}

func (u *Upgrade) checkSurroundings(ctx context.Context) (out []Finding, err error) {
	conn, err := u.Source.Connect(ctx, "")
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	s, err := cluster.LookSurroundings(ctx, conn)
	if err != nil {
		return nil, err
	}
	if len(s.Tablespaces) > 0 {
		out = append(out, blocker("tablespaces", "Move their tables to pg_default first.", "The source has tablespaces of its own, which this version of Lull does not copy: %s.", sample(s.Tablespaces)))
	}
	if len(s.Subscriptions) > 0 {
		out = append(out, blocker("subscriptions", "Drop them, and create them on the new server afterwards.", "The source follows other servers. Its subscriptions do not come along: %s.", sample(s.Subscriptions)))
	}
	if s.Prepared > 0 {
		out = append(out, blocker("prepared-transactions", "COMMIT PREPARED or ROLLBACK PREPARED them.", "%d prepared transactions are open on the source.", s.Prepared))
	}
	for _, name := range s.Slots {
		if strings.HasPrefix(name, u.object()) {
			out = append(out, blocker("foreign-slot", "Drop it if nobody uses it: SELECT pg_drop_replication_slot('"+name+"').", "Slot %s exists on the source and this maintenance did not make it.", name))
			continue
		}
		out = append(out, warning("slot", "Plan for its consumer: positions do not carry over to the new server.", "The source has a replication slot of somebody else: %s.", name))
	}
	if len(s.Superusers) > 0 {
		out = append(out, warning("superusers", "Let them connect through roles that are not superusers. While a server is closed to clients no superuser can log in there, and a client that comes back with Lull's own role stops the switch.", "Superusers other than Lull are connected: %s.", sample(s.Superusers)))
	}
	return out, nil
}
