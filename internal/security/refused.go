package security

import (
	"context"
	"fmt"
	"slices"

	"github.com/lullhq/lull/internal/checks"
)

// clients are those who use the server. They are asked about by Refused.
var clients = []checks.Check{
	{
		ID: "refused-clients", Asks: checks.Source, Severity: checks.Blocker, Topic: login, Title: "Clients of today would be refused by strict rules",
		Why:    "With TLS from everybody at another machine, no login by MD5 and nobody let in by trust, these could not log in any more.",
		Fix:    "Change how each of them comes in, or name it in may_refuse of the plan's upgrade, as its role, or as role@address.",
		Breaks: "The clients that are named.",
		How:    "pg_stat_activity and pg_stat_ssl for those who are connected, and for the last 7 days the server's own log, when log_connections is on and logging_collector keeps it as text.",
	},
}

// Refused looks who uses the server, and gives those that the rules would not let in: a blocker, and a
// note for those that the plan accepts by name. said tells in words who was looked at.
func Refused(ctx context.Context, s checks.Server, rules Rules, accepted []string) (found []checks.Finding, said string, err error) {
	conn, err := s.Connect(ctx, "")
	if err != nil {
		return nil, "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	list, log, err := Clients(ctx, conn)
	if err != nil {
		return nil, "", err
	}
	trusted, err := onlyTrust(ctx, conn)
	if err != nil {
		return nil, "", fmt.Errorf("read pg_hba.conf: %w", err)
	}
	return rules.judge(list, trusted, accepted), fmt.Sprintf("%d ways in which clients come in; %s", len(list), log), nil
}

func (r Rules) judge(list []Client, trusted bool, accepted []string) (out []checks.Finding) {
	var open, named []checks.Object
	for _, c := range list {
		why := r.Refuses(c, trusted)
		if why == "" {
			continue
		}
		if !c.Now {
			why += ", by the log"
		}
		o := checks.Object{Name: c.String(), Detail: why}
		if slices.Contains(accepted, c.User) || slices.Contains(accepted, c.User+"@"+c.Address) {
			named = append(named, o)
			continue
		}
		open = append(open, o)
	}
	if len(open) > 0 {
		out = append(out, clients[0].Finding("", open))
	}
	if len(named) > 0 {
		f := clients[0].Finding("", named)
		f.Severity, f.Fix = checks.Note, "Nothing: the plan accepts it."
		out = append(out, f)
	}
	return out
}
