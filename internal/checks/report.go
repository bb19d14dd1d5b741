package checks

import (
	"fmt"
	"strings"
)

// headings of a report, one a severity.
var headings = map[Severity]string{
	Blocker: "Blockers: nothing begins before these are settled",
	Fix:     "To be fixed by a person",
	Warning: "Warnings, to be weighed",
	Note:    "Good to know",
}

// Report is the findings as Markdown, the worst first, with all their objects and commands.
func Report(found []Finding) string {
	var b strings.Builder
	for _, severity := range Severities {
		first := true
		for _, f := range found {
			if f.Severity != severity {
				continue
			}
			if first {
				fmt.Fprintf(&b, "\n## %s\n", headings[severity])
				first = false
			}
			f.report(&b)
		}
	}
	return b.String()
}

// SettledReport is what the last check found and this one did not.
func SettledReport(settled []Finding) string {
	if len(settled) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\n## Settled since the last check\n\n")
	for _, f := range settled {
		fmt.Fprintf(&b, "- %s\n", plain(f.Text))
	}
	return b.String()
}

func (f Finding) report(b *strings.Builder) {
	title := f.Title
	if title == "" {
		title = f.ID
	}
	if f.Database != "" {
		title += ", in database " + f.Database
	}
	fmt.Fprintf(b, "\n### %s\n\n", plain(title))
	if len(f.Objects) == 0 {
		fmt.Fprintf(b, "%s\n\n", plain(f.String()))
	} else if f.Where != "" {
		fmt.Fprintf(b, "On %s.\n\n", plain(f.Where))
	}
	for _, o := range f.Objects {
		fmt.Fprintf(b, "- %s\n", plain(o.String()))
	}
	if more := f.Count - len(f.Objects); len(f.Objects) > 0 && more > 0 {
		fmt.Fprintf(b, "- and %d more\n", more)
	}
	if len(f.Objects) > 0 {
		b.WriteByte('\n')
	}
	for _, part := range [][2]string{{"Why", f.Why}, {"What to do", f.Fix}, {"What could break", f.Breaks}, {"What Lull does itself", f.Lull}} {
		if part[1] != "" {
			fmt.Fprintf(b, "**%s.** %s\n\n", part[0], part[1])
		}
	}
	code(b, "sql", strings.Join(f.Commands(), ";\n"))
	if f.Evidence != "" {
		b.WriteString("Seen by:\n\n")
		code(b, "sql", undented(f.Evidence))
	}
	fmt.Fprintf(b, "`%s`", f.ID)
	if f.Topic != "" {
		fmt.Fprintf(b, ", CIS PostgreSQL Benchmark: %s", f.Topic)
	}
	b.WriteByte('\n')
}

// Page is the catalogue as Markdown.
func Page(list []Check) string {
	var b strings.Builder
	for _, severity := range Severities {
		first := true
		for _, c := range list {
			if c.Severity != severity {
				continue
			}
			if first {
				fmt.Fprintf(&b, "\n## %s\n", headings[severity])
				first = false
			}
			c.page(&b)
		}
	}
	return b.String()
}

// Section is a catalogue as Markdown below a heading of its own, in its own order.
func Section(list []Check) string {
	var b strings.Builder
	for _, c := range list {
		c.page(&b)
	}
	return b.String()
}

func (c Check) page(b *strings.Builder) {
	fmt.Fprintf(b, "\n### %s\n\n%s.", c.ID, c.Title)
	if c.Why != "" {
		b.WriteString(" " + c.Why)
	}
	b.WriteString("\n\n")
	fmt.Fprintf(b, "- Asked: %s%s\n", c.who(), c.versions())
	if c.Group == Security {
		fmt.Fprintf(b, "- Severity: %s\n", c.Severity)
	}
	fmt.Fprintf(b, "- What to do: %s\n", c.Fix)
	if c.Breaks != "" {
		fmt.Fprintf(b, "- What could break: %s\n", c.Breaks)
	}
	if c.Lull != "" {
		fmt.Fprintf(b, "- What Lull does itself: %s\n", c.Lull)
	}
	if c.How != "" {
		fmt.Fprintf(b, "- Seen by: %s\n", c.How)
	}
	if c.Topic != "" {
		fmt.Fprintf(b, "- CIS PostgreSQL Benchmark: %s\n", c.Topic)
	}
	b.WriteByte('\n')
	code(b, "sql", undented(c.SQL))
}

func (c Check) who() string {
	switch {
	case c.Asks == Each && c.Once:
		return "each server, once"
	case c.Asks == Each:
		return "each database of each server"
	case c.Asks != Source && c.Asks != Target:
		return "the " + string(c.Asks)
	case c.Once || c.SQL == "" && c.Look == nil:
		return "the " + string(c.Asks) + ", once"
	}
	return "each database of the " + string(c.Asks)
}

func (c Check) versions() string {
	source, target := c.Source.String(), c.Target.String()
	switch {
	case source == "" && target == "":
		return ""
	case target == "":
		return ", from " + source
	case source == "":
		return ", on the way to " + target
	}
	return ", from " + source + " on the way to " + target
}

// String is empty for a range without ends.
func (v Versions) String() string {
	switch {
	case v.From == 0 && v.To == 0:
		return ""
	case v.From == 0:
		return fmt.Sprintf("%d or older", v.To)
	case v.To == 0:
		return fmt.Sprintf("%d or newer", v.From)
	case v.From == v.To:
		return fmt.Sprint(v.From)
	}
	return fmt.Sprintf("%d to %d", v.From, v.To)
}

func code(b *strings.Builder, language, text string) {
	if text == "" {
		return
	}
	if language == "sql" && !strings.HasSuffix(text, ";") {
		text += ";"
	}
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	fmt.Fprintf(b, "%s%s\n%s\n%s\n\n", fence, language, text, fence)
}

// undented takes away what all lines but the first are indented by in the source code.
func undented(text string) string {
	lines := strings.Split(strings.ReplaceAll(text, "\t", "    "), "\n")
	least := -1
	for _, l := range lines[1:] {
		if in := len(l) - len(strings.TrimLeft(l, " ")); strings.TrimSpace(l) != "" && (least < 0 || in < least) {
			least = in
		}
	}
	for i, l := range lines[1:] {
		lines[i+1] = l[min(max(least, 0), len(l)):]
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// plain keeps names out of a database from becoming markup, on one line.
func plain(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "[", `\[`, "<", "&lt;", "|", `\|`, "#", `\#`).Replace(s)
}
