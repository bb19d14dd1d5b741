package view

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
)

// withoutNotices takes what became of the notices out of a record: of each notice the last that was written down, by when it was due.
func withoutNotices(entries []timeline.Entry) (rest []timeline.Entry, given []maint.NoticeGiven) {
	last := map[string]maint.NoticeGiven{}
	for _, e := range entries {
		if g, ok := e.Event.(maint.NoticeGiven); ok {
			last[g.Notice] = g
			continue
		}
		rest = append(rest, e)
	}
	given = slices.SortedFunc(maps.Values(last), func(a, b maint.NoticeGiven) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Notice, b.Notice))
	})
	return rest, given
}

// notices says which notice was given to how many, by which channel.
func (r Report) notices(d *document) {
	if len(r.given)+len(r.Viewed) == 0 {
		return
	}
	d.line("\nWhat was sent, and how many it reached:\n")
	var rows [][]string
	row := func(word string, at time.Time, channel, reached string) {
		rows = append(rows, []string{momentWord(word), r.Window.in(at).Format("2 Jan 2006, 15:04 MST"), channel, reached})
	}
	for _, g := range r.given {
		for _, channel := range slices.Sorted(maps.Keys(g.Channels)) {
			row(g.Word, g.At, channel, reachedText(g.Channels[channel]))
		}
	}
	for _, v := range r.Viewed {
		row(v.Word, v.First, v.Channel, fmt.Sprintf("seen by %d", v.People))
	}
	d.table([]string{"Notice", "When", "Channel", "Reached"}, rows)
}

func reachedText(r maint.Reached) string {
	text := strconv.Itoa(r.Sent)
	if r.Failed > 0 {
		text += fmt.Sprintf(", %d given up", r.Failed)
	}
	if r.Twice > 0 {
		text += fmt.Sprintf(", %d maybe twice", r.Twice)
	}
	return text
}

// momentWord is a plan's word for a moment, written out.
func momentWord(word string) string {
	n, known := maint.ParseNotice(word)
	switch {
	case !known || !n.Ahead():
		return word
	case n.Days > 0:
		return several(float64(n.Days), "day") + " before"
	}
	return Length(n.Before) + " before"
}
