package pgup

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/harden"
	"github.com/lullhq/lull/internal/pgup/seed"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/security"
)

// checksums turns them on although the source has none. The target does not run yet, and its files
// are its own by then, but for the copy that is thrown away.
func (u *Upgrade) checksums() run.Item {
	return u.before("checksums", "Data checksums", step{observe: u.seeChecksums, apply: u.enableChecksums})
}

func (u *Upgrade) seeChecksums(ctx context.Context, _ run.Recorder) (run.Observation, error) {
	major, err := seed.Exists(u.seed.Data)
	if err != nil || major == "" {
		return run.Observation{Presence: run.Absent, Evidence: "there is no new server yet"}, err
	}
	on, err := u.seed.HasChecksums(ctx)
	if err != nil || !on {
		return run.Observation{Presence: run.Absent, Evidence: "the new server's pages have no checksums"}, err
	}
	return run.Observation{Presence: run.Done, Evidence: "every page of the new server has a checksum"}, nil
}

func (u *Upgrade) enableChecksums(ctx context.Context, rec run.Recorder) error {
	began := time.Now()
	var bytes float64
	err := u.seed.EnableChecksums(ctx, func(done, total float64) {
		bytes = total
		rec.Progress(run.Progress{Text: "writing data checksums", Unit: "bytes", Done: done, Total: total, Public: "Preparing the new server"})
	})
	if err != nil {
		return err
	}
	took := time.Since(began).Seconds()
	return rec.Note(ctx, fmt.Sprintf("Data checksums are on: %s in %.1f s.", bytesText(int64(bytes)), took), maint.Figures{"checksums_s": took, "checksums_bytes": bytes})
}

// harden makes the new server stricter, as the plan lists it, and tries each of it.
func (u *Upgrade) harden() run.Item {
	return u.before("harden", "Security of the new server", step{observe: u.seeHarden, apply: u.hardenTarget, undo: u.softenTarget})
}

func (u *Upgrade) hardened() harden.Target {
	return harden.Target{Owner: u.seed.New.Owner, Data: u.Data, Endpoint: u.target,
		Address: net.JoinHostPort(u.Place.Host, strconv.Itoa(u.Place.Port))}
}

func (u *Upgrade) seeHarden(ctx context.Context, rec run.Recorder) (run.Observation, error) {
	var memo harden.Before
	begun, err := rec.Memo(&memo)
	if err != nil {
		return run.Observation{}, err
	}
	if running, err := u.server.Running(ctx); err != nil || !running {
		return begunAtLeast(begun, run.Observation{Presence: run.Absent, Evidence: "the new server does not run"}), err
	}
	missing, err := u.hardened().Look(ctx, u.Harden, memo)
	switch {
	case err != nil:
		return run.Observation{}, err
	case len(missing) > 0:
		return begunAtLeast(begun, run.Observation{Presence: run.Absent, Evidence: "still to be done: " + sample(missing)}), nil
	}
	return run.Observation{Presence: run.Done, Evidence: memo.Evidence()}, nil
}

func (u *Upgrade) hardenTarget(ctx context.Context, rec run.Recorder) error {
	rec.Progress(run.Progress{Text: "making the new server stricter", Public: "Preparing the new server"})
	var memo harden.Before
	if _, err := rec.Memo(&memo); err != nil {
		return err
	}
	keep := func(ctx context.Context, b harden.Before) error { return rec.Keep(ctx, b) }
	if err := u.hardened().Apply(ctx, u.Harden, &memo, keep); err != nil {
		return err
	}
	return u.audit(ctx, rec)
}

// softenTarget takes everything back, for whoever goes on with the new server by other means. A server
// that does not run is removed further back.
func (u *Upgrade) softenTarget(ctx context.Context, rec run.Recorder) error {
	var memo harden.Before
	begun, err := rec.Memo(&memo)
	if err != nil || !begun {
		return err
	}
	if running, err := u.server.Running(ctx); err != nil || !running {
		return err
	}
	return u.hardened().Undo(ctx, memo)
}

// audit puts on record what is open on the old server, and what of it on the new one.
func (u *Upgrade) audit(ctx context.Context, rec run.Recorder) error {
	before, err := security.Audit(ctx, u.Source, u.inv.Major())
	if err != nil {
		return err
	}
	after, err := security.Audit(ctx, u.target, u.To)
	if err != nil {
		return err
	}
	e := maint.Audited{Step: u.Name + "/harden", Before: audited(before), After: audited(after)}
	return rec.Say(ctx, "audited/"+strings.Join(u.Harden.Names(), ","), e)
}

// audited are the findings of a server by check: one may be found in many databases.
func audited(found []checks.Finding) (out []maint.Weakness) {
	at := map[string]int{}
	for _, f := range found {
		key := f.ID + string(f.Severity)
		if i, there := at[key]; there {
			out[i].Count += f.Count
			continue
		}
		at[key] = len(out)
		out = append(out, maint.Weakness{ID: f.ID, Severity: string(f.Severity), Title: f.Title, Count: f.Count})
	}
	return out
}

// checkHarden holds the list against the source, its clients, and what there is for the new server.
func (u *Upgrade) checkHarden(ctx context.Context) ([]checks.Finding, error) {
	if !u.Harden.Any() {
		return nil, nil
	}
	out := u.checkTLS()
	conn, err := u.Source.Connect(ctx, "")
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	text, _, err := cluster.AccessRules(ctx, conn)
	if err != nil {
		return nil, err
	}
	if err := u.Harden.CanRewrite(text); err != nil {
		out = append(out, blocker("harden-rules", "Write the rules into pg_hba.conf itself, or take hba and scram out of harden.", "%v.", err))
	}
	refused, err := u.refusedClients(ctx)
	if err != nil {
		return nil, err
	}
	if u.AwaitSCRAM {
		for i := range refused {
			if refused[i].Severity == checks.Blocker {
				refused[i].Severity, refused[i].Fix = checks.Warning, "Rotate their passwords (lull roles rotate): the switch waits until none of them is left."
			}
		}
	}
	return append(out, refused...), nil
}

// checkTLS looks at what the new server is to speak it with.
func (u *Upgrade) checkTLS() (out []checks.Finding) {
	t := u.Harden.TLS
	speaks := strings.EqualFold(u.Place.Settings["ssl"], "on") || u.Harden.Certified()
	if t != nil {
		if err := t.Usable(time.Now()); err != nil {
			out = append(out, blocker("harden-certificate", "Name a certificate and its key in harden: tls: {certificate: ..., key: ...}, readable for Lull.", "%v.", err))
		}
		if u.To < 12 {
			out = append(out, blocker("harden-tls", "Take tls out of harden, or upgrade to a newer version.", "PostgreSQL %d cannot be told the oldest version of TLS.", u.To))
		}
	}
	if !speaks && (t != nil || u.Harden.StrictHBA) {
		out = append(out, blocker("harden-tls", "Name a certificate and its key in harden: tls: {certificate: ..., key: ...}, or set ssl, ssl_cert_file and ssl_key_file in target.settings of lull.yaml.",
			"The new server will not speak TLS, and tls or hba: strict in harden asks its clients for it."))
	}
	return out
}

// refusedClients are those that the list would lock out, and the roles that could not do any more what they did.
func (u *Upgrade) refusedClients(ctx context.Context) ([]checks.Finding, error) {
	var out []checks.Finding
	if rules := u.Harden.Rules(); rules != (security.Rules{}) {
		found, _, err := security.Refused(ctx, u.Source, rules, u.LookBack, u.MayRefuse)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	if !u.Harden.RevokePublicCreate {
		return out, nil
	}
	for _, db := range u.databaseNames() {
		found, err := security.Creators(ctx, u.Source, db, u.MayRefuse)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

// mayRefuse is asked right before the switch: clients may have come since the check.
func (u *Upgrade) mayRefuse(ctx context.Context, rec run.Recorder) error {
	for {
		found, err := u.refusedClients(ctx)
		if err != nil {
			return err
		}
		refusal := checks.Refusal(found)
		if refusal == nil || !u.AwaitSCRAM || !onlyMD5(found) {
			return refusal
		}
		rec.Progress(run.Progress{Text: "waiting for clients to log in by SCRAM: " + named(found), Public: "Waiting for a good moment"})
		if err := sleep(ctx, awaitSCRAM); err != nil {
			return err
		}
	}
}

// awaitSCRAM is how often it is looked whether somebody still logs in by MD5.
const awaitSCRAM = 5 * time.Second

// onlyMD5 says whether nothing stands in the way but passwords that are kept as MD5.
func onlyMD5(found []checks.Finding) bool {
	for _, f := range found {
		if f.Severity != checks.Blocker {
			continue
		}
		for _, o := range f.Objects {
			if !security.OnlyMD5(o) {
				return false
			}
		}
	}
	return true
}

func named(found []checks.Finding) string {
	var names []string
	for _, f := range found {
		if f.Severity == checks.Blocker {
			for _, o := range f.Objects {
				names = append(names, o.Name)
			}
		}
	}
	return sample(names)
}
