// Package checks is the form of a check: what is asked of a server, how bad the answer is, why
// it matters and what to do about it. A check is a value, a list of them is a catalogue, and one
// runner asks whatever servers there are.
//
// It must not know of any check in particular, of plans, or of who reads the findings.
package checks

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Severity says what a finding means, the worst first.
type Severity string

// A blocker stops what was asked for. A fix is something that stays broken until a person does what is
// said. A warning is for a person to weigh. A note is good to know and asks for nothing.
const (
	Blocker Severity = "blocker"
	Fix     Severity = "fix"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// Severities are all of them, the worst first.
var Severities = []Severity{Blocker, Fix, Warning, Note}

// Group says what a check is good for.
type Group string

// The groups.
const (
	Upgrade  Group = "upgrade"
	Security Group = "security"
)

// Audience is who is asked.
type Audience string

// Source and target are servers, the machine is the one that Lull runs on, where the target is made.
const (
	Source  Audience = "source"
	Target  Audience = "target"
	Each    Audience = "server" // a server by itself, whichever of the two it is
	Pooler  Audience = "pooler"
	Machine Audience = "machine"
	Files   Audience = "files" // lull.yaml and the plan
)

// Versions is a range of major versions, both ends in it; 0 leaves an end open.
type Versions struct{ From, To int }

// Has says whether the major version is in the range.
func (v Versions) Has(major int) bool {
	return major >= v.From && (v.To == 0 || major <= v.To)
}

// Check is one thing to look for. It finds something by its query or by its function, or, with
// neither, the code that makes such findings is elsewhere and How says in words what it looks at.
type Check struct {
	ID       string // of its findings: lower case, with hyphens or the name of a setting; never changed
	Group    Group
	Asks     Audience
	Severity Severity
	Title    string // what was found, as the beginning of a sentence, without a full stop
	Why      string // why it matters
	Fix      string // what to do, exactly
	Breaks   string // what the fix could break
	Lull     string // what Lull does about it itself, and how that is taken back; "" = nothing
	Topic    string // chapter of the CIS PostgreSQL Benchmark that treats of it; "" = none
	Source   Versions
	Target   Versions // that it is asked for; a check of a single server leaves it open
	Once     bool     // it is about the server as a whole, and asked in one database only

	// SQL gives a row for each thing found. Its columns go by their names: object is what it is
	// about, detail more of it, command what puts it right, severity another than the check's.
	// Only object is needed. @name stands for a fact of the subject.
	SQL string
	// Look is for what a query alone does not find.
	Look Look
	How  string
}

// Look asks on a connection that reads only and waits neither for locks nor for long.
type Look func(ctx context.Context, conn *pgx.Conn, s Subject) ([]Object, error)

// Object is one thing that a check found.
type Object struct {
	Name     string   `json:"name"`
	Detail   string   `json:"detail,omitempty"`
	Command  string   `json:"command,omitempty"` // puts it right
	Severity Severity `json:"-"`                 // "" = that of the check
}

func (o Object) String() string {
	switch {
	case o.Name == "":
		return o.Detail
	case o.Detail == "":
		return o.Name
	}
	return o.Name + " (" + o.Detail + ")"
}

// applies says whether the check has a meaning for these versions.
func (c Check) applies(s Subject) bool {
	return c.Source.Has(s.From) && c.Target.Has(s.To)
}

// Of returns those of one group.
func Of(all []Check, g Group) (out []Check) {
	for _, c := range all {
		if c.Group == g {
			out = append(out, c)
		}
	}
	return out
}
