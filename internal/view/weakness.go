package view

import (
	"strconv"

	"github.com/lullhq/lull/internal/maint"
)

// weaknesses shows side by side what was open on the old server and what of it is on the new one. It is for
// the operator: what is still open is nobody else's business.
func weaknesses(d *document, a *maint.Audited) {
	if a == nil {
		return
	}
	d.line("\n### Security before and after\n")
	if len(a.Before)+len(a.After) == 0 {
		d.line("Nothing was found on either server.")
		return
	}
	d.table([]string{"Found", "Old server", "New server"}, besides(a.Before, a.After))
}

// besides are the rows: what both have, what is closed, and then what only the new one has.
func besides(before, after []maint.Weakness) (rows [][]string) {
	for _, b := range before {
		rows = append(rows, []string{b.Title, counted(before, b.ID), counted(after, b.ID)})
	}
	for _, a := range after {
		if counted(before, a.ID) == none {
			rows = append(rows, []string{a.Title, none, counted(after, a.ID)})
		}
	}
	return unique(rows)
}

// none is the cell of what a server has not, or has no more.
const none = "none"

// counted says how much of it was found, by severity.
func counted(list []maint.Weakness, id string) (text string) {
	for _, w := range list {
		if w.ID != id {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += w.Severity + ": " + strconv.Itoa(max(1, w.Count))
	}
	if text == "" {
		return none
	}
	return text
}

// unique leaves out a second row of one title: a check may have findings of several severities.
func unique(rows [][]string) (out [][]string) {
	seen := map[string]bool{}
	for _, r := range rows {
		if !seen[r[0]] {
			seen[r[0]] = true
			out = append(out, r)
		}
	}
	return out
}
