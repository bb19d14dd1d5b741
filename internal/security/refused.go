package security

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/checks"
)

// clients are those who use the server. They are asked about by Refused.
var clients = []checks.Check{
	{
		ID: "refused-clients", Asks: checks.Source, Severity: checks.Blocker, Topic: login, Title: "Clients of today would be refused by strict rules",
		Why:    "With TLS from everybody at another machine, no login by MD5 and nobody let in by trust, these could not log in any more.",
		Fix:    "Change how each of them comes in, or name it in may_refuse of the plan's upgrade, as its role, or as role@address.",
		Breaks: "The clients that are named.",
		How:    "pg_stat_activity and pg_stat_ssl for those who are connected, and for the last 7 days, or look_back of the plan's upgrade, the server's own log, when log_connections is on and logging_collector keeps it in files.",
	},
	{
		ID: "refused-creators", Asks: checks.Source, Severity: checks.Blocker, Topic: users, Title: "Roles make objects in a schema only because everybody may",
		Why:    "With revoke_public_create they could not do it any more: a migration of theirs would fail.",
		Fix:    "Grant it to each of them on the old server, from where it comes along, or name the role in may_refuse of the plan's upgrade.",
		Breaks: "Nothing: they may do it now.",
		How:    "The owners of what is in each schema, when the plan has revoke_public_create in harden.",
	},
}

// Words of a finding.
const (
	byTheLog  = ", by the log"
	keptAsMD5 = "its password is kept as MD5"
)

// Refused looks who uses the server, or has used it so far back, and gives those that the rules would not let in: a blocker, and a
// note for those that the plan accepts by name. said tells in words who was looked at.
func Refused(ctx context.Context, s checks.Server, rules Rules, back time.Duration, accepted []string) (found []checks.Finding, said string, err error) {
	conn, err := s.Connect(ctx, "")
	if err != nil {
		return nil, "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	list, log, err := Clients(ctx, conn, back)
	if err != nil {
		return nil, "", err
	}
	lines, err := readHBA(ctx, conn)
	if err != nil {
		return nil, "", err
	}
	return rules.judge(list, lines, accepted), fmt.Sprintf("%d ways in which clients come in; %s", len(list), log), nil
}

func (r Rules) judge(list []Client, lines hba, accepted []string) []checks.Finding {
	var open, named []checks.Object
	for _, c := range list {
		why := r.Refuses(c, lines.ways(c))
		if why == "" {
			continue
		}
		if !c.Now {
			why += byTheLog
		}
		o := checks.Object{Name: c.String(), Detail: why}
		if slices.Contains(accepted, c.User) || slices.Contains(accepted, c.User+"@"+c.Address) {
			named = append(named, o)
			continue
		}
		open = append(open, o)
	}
	return openAndNamed(clients[0], "", open, named)
}

// openAndNamed makes a blocker of what is open, and a note of what the plan accepts by name.
func openAndNamed(c checks.Check, database string, open, named []checks.Object) (out []checks.Finding) {
	if len(open) > 0 {
		out = append(out, c.Finding(database, open))
	}
	if len(named) > 0 {
		f := c.Finding(database, named)
		f.Severity, f.Fix = checks.Note, "Nothing: the plan accepts it."
		out = append(out, f)
	}
	return out
}

// OnlyMD5 says of an object of a finding of Refused whether its password is all that stands in the way.
func OnlyMD5(o checks.Object) bool { return strings.TrimSuffix(o.Detail, byTheLog) == keptAsMD5 }
