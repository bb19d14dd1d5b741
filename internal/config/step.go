package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"
)

// Kind is a step's verb.
type Kind string

// The verbs of a plan.
const (
	KindBanner  Kind = "banner"
	KindUpgrade Kind = "upgrade"
	KindCheck   Kind = "check"
	KindCommand Kind = "command"
	KindConfirm Kind = "confirm"
	KindWait    Kind = "wait"
	KindSQL     Kind = "sql"
)

// Kinds lists every verb, for messages and checks.
var Kinds = []Kind{KindBanner, KindUpgrade, KindCheck, KindCommand, KindConfirm, KindWait, KindSQL}

// Step is one line of the plan. Only the pointer that belongs to its Kind is set.
type Step struct {
	Kind Kind
	Name string // unique in the plan and stable: "check", the next one "check-2"
	Line int    // in the plan's file

	Banner  *Banner
	Upgrade *Upgrade
	Check   *Check
	Command *Command
	Confirm *Confirm
	Wait    *Wait
	SQL     *SQL
}

// Banner turns the banner of every site on or off.
type Banner struct{ On bool }

// Upgrade moves a cluster to another major version.
type Upgrade struct {
	Cluster    string
	To         int
	Seed       string // "physical"
	Budget     time.Duration
	HoldBudget time.Duration // how long clients may be held
	HoldTries  int           // how often it is tried when a hold goes back
	// HoldPatience is how long a good moment for a hold is waited for.
	HoldPatience time.Duration
	// OldestTransaction is the age from which an open transaction keeps a hold from beginning.
	OldestTransaction time.Duration
	WayBack           bool          // the old server follows the new one after the switch
	Unlogged          string        // what becomes of unlogged tables: "copy", "empty", or "" = copy them if that fits into the hold
	WALBudget         int64         // bytes that the source may keep for the new server; 0 = by the room there is
	Bake              time.Duration // how long to watch the new server afterwards; 0 = not at all
	RollBackIf        RollBackIf
	LookBack          time.Duration // how far back the old server's log is read for who uses it, and how
	MayRefuse         []string      // clients that strict rules may refuse: "role", "role@address"
	AcceptPlans       []AcceptedPlan
	Harden            Harden
}

// Check asks a web address and compares the status.
type Check struct {
	HTTP   string
	Expect int
	Budget time.Duration
}

// Command runs a program. Undo is empty when there is nothing to take back.
type Command struct {
	Run    []string
	Undo   []string
	Budget time.Duration
}

// Confirm asks a person.
type Confirm struct{ Question string }

// Wait lets time pass.
type Wait struct{ For time.Duration }

// SQL runs a query and compares its one value, as text.
type SQL struct {
	Cluster  string
	Database string
	Query    string
	Expect   string
}

// Seeds that an upgrade can name.
const (
	SeedPhysical = "physical"
	seedLogical  = "logical"
)

// Majors that an upgrade can go to.
const (
	oldestMajor = 10
	newestMajor = 18
)

// What holds when the plan does not say.
const (
	defaultHold     = 2 * time.Second
	defaultTries    = 5
	mostTries       = 100
	defaultPatience = 5 * time.Minute
	defaultOldest   = time.Second
	longestHold     = time.Minute // beyond it clients give up by themselves: PgBouncer's query_wait_timeout is 120 s
	defaultCheck    = time.Minute
	defaultLookBack = 7 * 24 * time.Hour
)

// Budget is how long the step may take. Zero: as long as a person takes.
func (s Step) Budget() time.Duration {
	switch s.Kind {
	case KindUpgrade:
		return s.Upgrade.Budget
	case KindCheck:
		return s.Check.Budget
	case KindCommand:
		return s.Command.Budget
	case KindWait:
		return s.Wait.For
	}
	return 0
}

func (d *document) steps(into *[]Step, c *Config) reader {
	count := map[Kind]int{}
	read := d.list(func(n *yaml.Node) {
		s, ok := d.step(n, c)
		if !ok {
			return
		}
		count[s.Kind]++
		s.Name = string(s.Kind)
		if i := count[s.Kind]; i > 1 {
			s.Name += "-" + strconv.Itoa(i)
		}
		*into = append(*into, s)
	})
	return func(n *yaml.Node) {
		if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
			d.problem(n, verbs(), "there is no step")
		}
		read(n)
	}
}

func (d *document) step(n *yaml.Node, c *Config) (Step, bool) {
	n = deref(n)
	if n.Kind != yaml.MappingNode || len(n.Content) == 0 {
		d.problem(n, verbs(), "a step is a verb and what it needs")
		return Step{}, false
	}
	key, value := n.Content[0], n.Content[1]
	if len(n.Content) > 2 {
		d.problem(n.Content[2], `begin a step of its own with "- "`, "a step has one verb, this one has %q and %q", shorten(key.Value), shorten(n.Content[2].Value))
	}
	s := Step{Kind: Kind(key.Value), Line: key.Line}
	read, ok := d.verb(&s, c)
	if !ok {
		next := nearest(key.Value, words(Kinds), "verbs")
		if key.Value == "harden" {
			next = "write it into the upgrade: it is done on the new server before anybody is on it"
		}
		d.problem(key, next, "unknown verb %q", shorten(key.Value))
		return s, false
	}
	d.value(key, value, read)
	return s, true
}

func verbs() string { return "verbs: " + strings.Join(words(Kinds), ", ") }

func (d *document) verb(s *Step, c *Config) (reader, bool) {
	switch s.Kind {
	case KindBanner:
		s.Banner = &Banner{}
		return d.onOff(&s.Banner.On), true
	case KindUpgrade:
		s.Upgrade = &Upgrade{Seed: SeedPhysical, HoldBudget: defaultHold, HoldTries: defaultTries, HoldPatience: defaultPatience, OldestTransaction: defaultOldest, WayBack: true, LookBack: defaultLookBack}
		return d.upgrade(s.Upgrade, c), true
	case KindCheck:
		s.Check = &Check{Expect: 200, Budget: defaultCheck}
		return d.check(s.Check), true
	case KindCommand:
		s.Command = &Command{}
		return d.command(s.Command), true
	case KindConfirm:
		s.Confirm = &Confirm{}
		return d.text(&s.Confirm.Question), true
	case KindWait:
		s.Wait = &Wait{}
		return d.duration(&s.Wait.For), true
	case KindSQL:
		s.SQL = &SQL{}
		return d.sql(s.SQL, c), true
	}
	return nil, false
}

func (d *document) upgrade(u *Upgrade, c *Config) reader {
	return func(n *yaml.Node) {
		var limits, oldest *yaml.Node
		d.object(n, "upgrade",
			need("cluster", d.oneOf(&u.Cluster, "cluster", keys(c.Clusters))),
			need("to", d.major(&u.To)),
			may("seed", d.seed(&u.Seed)),
			need("budget", d.duration(&u.Budget)),
			may("hold_budget", d.hold(&u.HoldBudget)),
			may("hold_tries", d.number(&u.HoldTries, 1, mostTries)),
			may("hold_patience", d.duration(&u.HoldPatience)),
			may("oldest_transaction", d.at(&oldest, d.duration(&u.OldestTransaction))),
			may("way_back", d.onOff(&u.WayBack)),
			may("unlogged", d.oneOf(&u.Unlogged, "unlogged", []string{"copy", "empty"})),
			may("wal_budget", d.bytes(&u.WALBudget)),
			may("bake", d.duration(&u.Bake)),
			may("roll_back_if", d.at(&limits, d.rollBackIf(&u.RollBackIf))),
			may("look_back", d.duration(&u.LookBack)),
			may("may_refuse", d.list(func(n *yaml.Node) {
				var name string
				d.line(&name)(n)
				u.MayRefuse = append(u.MayRefuse, name)
			})),
			may("accept_plans", d.acceptPlans(&u.AcceptPlans)),
			may("harden", d.harden(&u.Harden)))
		if limits != nil && !u.WayBack {
			d.problem(limits, `take "way_back: off" out`, "roll_back_if says nothing without a way back")
		}
		if oldest != nil && u.OldestTransaction > u.HoldBudget {
			d.problem(oldest, "a hold waits for the transactions that are open: 1s is the default", "oldest_transaction is longer than hold_budget, %s", u.HoldBudget)
		}
		u.OldestTransaction = min(u.OldestTransaction, u.HoldBudget)
		if limits != nil && u.Bake == 0 {
			d.problem(limits, `add "bake: 24h", for how long to watch`, "roll_back_if says nothing without \"bake\": nobody watches")
		}
	}
}

func (d *document) major(into *int) reader {
	return func(n *yaml.Node) {
		s, ok := d.scalar(n)
		if !ok {
			return
		}
		to, err := strconv.Atoi(s)
		if err != nil || to < oldestMajor || to > newestMajor {
			d.problem(n, fmt.Sprintf("write one number, from %d to %d", oldestMajor, newestMajor), "%q is not a major version of PostgreSQL that lull can upgrade to", shorten(s))
			return
		}
		*into = to
	}
}

func (d *document) seed(into *string) reader {
	return func(n *yaml.Node) {
		if n.Value == seedLogical {
			d.problem(n, `write "seed: physical"`, "seed logical is not there yet")
			return
		}
		d.oneOf(into, "seed", []string{SeedPhysical})(n)
	}
}

func (d *document) hold(into *time.Duration) reader {
	return func(n *yaml.Node) {
		d.duration(into)(n)
		if *into > longestHold {
			d.problem(n, "a switch takes well under a second; 2s is the default", "clients cannot be held for %s: the most is %s", shorten(n.Value), longestHold)
		}
	}
}

func (d *document) check(x *Check) reader {
	return func(n *yaml.Node) {
		d.object(n, "check",
			need("http", d.url(&x.HTTP)),
			may("expect", d.number(&x.Expect, 100, 599)),
			may("budget", d.duration(&x.Budget)))
	}
}

func (d *document) command(x *Command) reader {
	return func(n *yaml.Node) {
		d.object(n, "command",
			need("run", d.argv(&x.Run)),
			may("undo", d.argv(&x.Undo)),
			need("budget", d.duration(&x.Budget)))
	}
}

func (d *document) sql(x *SQL, c *Config) reader {
	return func(n *yaml.Node) {
		d.object(n, "sql",
			need("cluster", d.oneOf(&x.Cluster, "cluster", keys(c.Clusters))),
			need("database", d.line(&x.Database)),
			need("query", d.text(&x.Query)),
			need("expect", d.raw(&x.Expect)))
	}
}
