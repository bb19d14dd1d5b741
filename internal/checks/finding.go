package checks

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lullhq/lull/internal/hint"
)

// Finding is what a check found: in one database, or of a server, a pooler or a file.
type Finding struct {
	ID       string   `json:"id"`
	Severity Severity `json:"severity"`
	Title    string   `json:"title,omitempty"`
	About    About    `json:"-"`
	Where    string   `json:"where,omitempty"` // "plan.yaml:9:33", or a server's address
	Database string   `json:"database,omitempty"`
	Text     string   `json:"text"`
	Why      string   `json:"why,omitempty"`
	Fix      string   `json:"fix"`
	Breaks   string   `json:"breaks,omitempty"`  // what the fix could break
	Lull     string   `json:"lull,omitempty"`    // what Lull does about it itself
	Topic    string   `json:"topic,omitempty"`   // chapter of the CIS PostgreSQL Benchmark
	Objects  []Object `json:"objects,omitempty"` // the first of them
	Count    int      `json:"count,omitempty"`   // how many there are in all
	Evidence string   `json:"evidence,omitempty"`
}

// About is the entry of the configuration that a finding speaks of: whoever knows the
// files can say where it stands. It is empty for what is wrong on a server.
type About string

func (f Finding) String() string {
	if f.Where == "" {
		return f.Text
	}
	return f.Where + ": " + f.Text
}

// Commands are what puts the objects right, one after the other.
func (f Finding) Commands() (out []string) {
	for _, o := range f.Objects {
		if o.Command != "" && !slices.Contains(out, o.Command) {
			out = append(out, o.Command)
		}
	}
	return out
}

// mostObjects is how many a finding names. A schema of ten thousand tables has as many of the same.
const mostObjects = 1000

// Finding makes one of what was found in a database, "" = of the server as a whole.
func (c Check) Finding(database string, objects []Object) Finding {
	f := Finding{ID: c.ID, Severity: c.Severity, Database: database, Fix: c.Fix, Count: len(objects), Objects: objects}
	f.Objects = objects[:min(len(objects), mostObjects)]
	in := ""
	if database != "" {
		in = ", in database " + database
	}
	f.Text = c.Title + in + ": " + sample(objects) + "."
	return f.explained(c)
}

// explained adds what the catalogue knows.
func (f Finding) explained(c Check) Finding {
	f.Title, f.Why, f.Breaks, f.Lull, f.Topic = c.Title, c.Why, c.Breaks, c.Lull, c.Topic
	return f
}

// Explain adds to findings that were made elsewhere what the catalogue knows of them.
func Explain(found []Finding, catalogue []Check) {
	for i, f := range found {
		at := slices.IndexFunc(catalogue, func(c Check) bool { return c.ID == f.ID })
		if at >= 0 {
			found[i] = f.explained(catalogue[at])
		}
	}
}

// Sort puts the worst first, and what is alike side by side.
func Sort(found []Finding) {
	slices.SortStableFunc(found, func(a, b Finding) int {
		return slices.Index(Severities, a.Severity) - slices.Index(Severities, b.Severity)
	})
}

// sample names the first few.
func sample(objects []Object) string {
	const most = 5
	var out []string
	for _, o := range objects[:min(len(objects), most)] {
		out = append(out, o.String())
	}
	text := strings.Join(out, ", ")
	if more := len(objects) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Refusal is the error for findings with blockers among them, and nil without.
func Refusal(findings []Finding) error {
	var all []Finding
	for _, f := range findings {
		if f.Severity == Blocker {
			all = append(all, f)
		}
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return hint.Errorf(all[0].Fix, "%s (%s)", all[0], all[0].ID)
	}
	var lines []string
	for _, f := range all {
		lines = append(lines, fmt.Sprintf("%s (%s)\n    %s", f, f.ID, f.Fix))
	}
	return hint.Wrap(errors.New(strings.Join(lines, "\n")), "do what stands above, then type the same command again")
}
