package sites

import (
	"fmt"
	"strings"
	"time"
)

// scheduled begins the name of a build that Lull asks for.
const scheduled = "Lull banner "

// schedule writes CloudCannon's _schedule.txt: after each build it makes one at every time in it. A line is a time, the
// build's name, and the file that it is for. Lines of others stay.
func schedule(file, data string, b Banner, on bool) edit {
	return edit{file: file, create: true, do: func(was []byte) ([]byte, error) {
		var lines []string
		if on {
			lines = scheduleLines(data, b)
		}
		return replaceSchedule(was, lines), nil
	}}
}

func scheduleLines(data string, b Banner) (out []string) {
	for _, x := range []struct {
		at   time.Time
		word string
	}{{b.StartsAt, "on"}, {b.EndsAt, "off"}} {
		if !x.at.IsZero() {
			out = append(out, fmt.Sprintf("%s,%s%s,%s", x.at.UTC().Format(time.RFC3339), scheduled, x.word, data))
		}
	}
	return out
}

// replaceSchedule puts the lines where Lull's were, or at the end.
func replaceSchedule(was []byte, lines []string) []byte {
	eol := "\n"
	if strings.Contains(string(was), "\r\n") {
		eol = "\r\n"
	}
	out, placed := "", false
	place := func() {
		for _, l := range lines {
			out += l + eol
		}
		placed = true
	}
	for line := range strings.Lines(string(was)) {
		if f := strings.SplitN(line, ",", 3); len(f) == 3 && strings.HasPrefix(f[1], scheduled) {
			if !placed {
				place()
			}
			continue
		}
		out += line
	}
	if !placed && len(lines) > 0 {
		if out != "" && !strings.HasSuffix(out, "\n") {
			out += eol
		}
		place()
	}
	return []byte(out)
}
