package cluster

import (
	"regexp"
	"strings"
)

// ApplyError is what a server's log says of a change that could not be applied.
type ApplyError struct {
	Table   string // "public.t"; "" when the server did not say (before 14)
	Message string
	Detail  string   // "Key (n)=(2001) already exists."
	Raw     []string // the lines as they are
}

var (
	labelled = regexp.MustCompile(`(\pL+):  (.*)$`) // prefix, a word in the server's language, two spaces (elog.c)
	relation = regexp.MustCompile(`"([^"]+\.[^"]+)"`)
	spelled  = regexp.MustCompile(`\((.+?)\)=\((.+?)\)(?:[ ;,.«»"]|$)`)
)

// LastApplyError finds the newest report of the origin ("pg_16400") in the text of a log, and
// says how many there are. One report is written in one piece: its lines stand together, and
// the last one names the origin. Labels are in the language of the server, so they are told
// apart by their order alone: the message comes first, the detail after it, the context last.
//
// Servers before 15 do not name the origin; there every context of replication counts.
func LastApplyError(log, origin string) (e ApplyError, times int) {
	lines := strings.Split(log, "\n")
	for at, line := range lines {
		if !strings.Contains(line, `"`+origin+`"`) && (!strings.Contains(line, "replication target relation") || strings.Contains(line, "replication origin")) {
			continue
		}
		if first := begin(lines, at); first < at && !told[label(lines[first])] {
			e, times = report(lines[first:at+1]), times+1
		}
	}
	return e, times
}

// told are the reports that are no errors: 18 tells of rows that it did not find, and goes on.
var told = map[string]bool{"LOG": true, "WARNING": true}

func label(line string) string {
	if m := labelled.FindStringSubmatch(line); m != nil {
		return m[1]
	}
	return ""
}

// severities begin a report where the server speaks English. Elsewhere the lines are counted.
var severities = map[string]bool{"ERROR": true, "FATAL": true, "PANIC": true, "LOG": true, "WARNING": true}

// begin is the line that the report ends at starts with: the nearest one before with a
// severity, or the second labelled one where no word is known.
func begin(lines []string, at int) int {
	const longest = 40
	seen, second := 0, at
	for i := at - 1; i >= 0 && i > at-longest; i-- {
		m := labelled.FindStringSubmatch(lines[i])
		if m == nil {
			continue // a line that goes on from the one before
		}
		if severities[m[1]] {
			return i
		}
		if seen++; seen == 2 {
			second = i
		}
	}
	return second
}

func report(lines []string) ApplyError {
	e := ApplyError{Raw: lines}
	var parts []string
	for _, line := range lines {
		if m := labelled.FindStringSubmatch(line); m != nil {
			parts = append(parts, m[2])
		} else if len(parts) > 0 {
			parts[len(parts)-1] += " " + strings.TrimSpace(line)
		}
	}
	last := len(parts) - 1
	if last < 0 {
		return e
	}
	if quoted := relation.FindStringSubmatch(parts[last]); quoted != nil {
		e.Table = quoted[1]
	}
	e.Message = parts[0]
	if last > 1 {
		e.Detail = parts[1]
	}
	return e
}

// Key is the columns and values of the row, as the server spells them; "" when it does not.
func (e ApplyError) Key() (columns, values string) {
	m := spelled.FindStringSubmatch(e.Detail)
	if m == nil {
		return "", ""
	}
	return m[1], m[2]
}

// String is the report for people.
func (e ApplyError) String() string {
	text := e.Message
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Table != "" {
		text = "table " + e.Table + ": " + text
	}
	return text
}
