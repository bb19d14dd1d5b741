package view

import (
	"fmt"
	"strings"

	"github.com/lullhq/lull/internal/maint"
)

// Proof says, in numbers alone, why no write can have been lost at the move.
type Proof struct {
	Ended, InTransaction int // sessions that were still inside
	Left, Writing        int
	Prepared             int
	Markers              int
	First, Last, Next    int64 // transaction ids
	End                  string
}

func proofOf(f *maint.Fenced) *Proof {
	if f == nil {
		return nil
	}
	p := &Proof{Left: f.Left, Writing: f.Writing, Prepared: f.Prepared, Markers: len(f.Markers), Next: f.Next, End: f.End}
	for _, e := range f.Ended {
		p.Ended += e.Sessions
		p.InTransaction += e.InTransaction
	}
	for i, m := range f.Markers {
		if i == 0 || m.Transaction < p.First {
			p.First = m.Transaction
		}
		p.Last = max(p.Last, m.Transaction)
	}
	return p
}

// proof is for whoever asks how anybody can know that nothing was lost.
func (r Report) proof(d *document) {
	p := r.Proof
	if p == nil {
		return
	}
	d.heading("Proof that nothing was lost at the move")
	d.list(p.sentences())
}

func (p Proof) sentences() (out []string) {
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	switch {
	case p.Ended == 0:
		say("When the old place was closed, nobody was inside: everybody had come through the pooler, and was held there.")
	case p.InTransaction == 0:
		say("Still inside when the old place was closed: %s, none in a transaction. Come past the pooler, or on the way out. All were ended.", several(float64(p.Ended), "session"))
	default:
		say("Still inside when the old place was closed: %s, %d in a transaction. Come past the pooler, or on the way out. All were ended, and what was not committed was taken back.", several(float64(p.Ended), "session"), p.InTransaction)
	}
	say("At the last look %s, %s held by others, and %s were left there.", several(float64(p.Left), "session"), several(float64(p.Writing), "transaction id"), several(float64(p.Prepared), "prepared transaction"))
	return append(out, p.markers()...)
}

// markers tells of what was written last. Most clusters have one database, or a few.
func (p Proof) markers() []string {
	last, seen, them := fmt.Sprintf("a marker in each database, transactions %d to %d", p.First, p.Last), fmt.Sprintf("All %d markers were", p.Markers), "them"
	switch p.Markers {
	case 0:
		return nil
	case 1:
		last, seen, them = fmt.Sprintf("a marker, transaction %d", p.Last), "The marker was", "it"
	case 2:
		last, seen = fmt.Sprintf("a marker in each database, transactions %d and %d", p.First, p.Last), "Both markers were"
	}
	return []string{
		fmt.Sprintf("The last thing written there was %s. The next id was still %d: nobody wrote beside %s or after %s.", last, p.Next, them, them),
		fmt.Sprintf("%s seen in the new place, and whatever was written before a marker arrives before it. The old log ended at %s.", seen, p.End),
	}
}

// who names those that the proof only counts.
func (r Report) who(d *document) {
	f := r.Private.Fence
	if f == nil {
		return
	}
	d.line("\n### Who was kept out at the move\n")
	var items []string
	for _, e := range f.Ended {
		application := e.Application
		if application == "" {
			application = "no name"
		}
		items = append(items, fmt.Sprintf("Ended: role %s, application %s, database %s: %s, %d in a transaction, %d of those writing", e.Role, application, e.Database, several(float64(e.Sessions), "session"), e.InTransaction, e.Writing))
	}
	if len(f.Refused) > 0 {
		items = append(items, "Superusers that cannot log in there any more: "+strings.Join(f.Refused, ", "))
	}
	for _, m := range f.Markers {
		items = append(items, fmt.Sprintf("Marker in database %s: transaction %d, written after %s, seen when %s was reached", m.Database, m.Transaction, m.Written, m.Reached))
	}
	d.list(items)
}

// wentBack lists the tries before the one that worked.
func (r Report) wentBack(d *document) {
	if len(r.Hold.WentBack) == 0 {
		return
	}
	d.line("")
	var rows [][]string
	for i, t := range r.Hold.WentBack {
		rows = append(rows, []string{fmt.Sprint(i + 1), both(t.At, "15:04:05"), Length(t.Predicted), Length(t.Held), "went back"})
	}
	d.table([]string{"Try", "At", "Expected", "Held", "Outcome"}, append(rows, []string{fmt.Sprint(len(rows) + 1), both(r.Hold.At, "15:04:05"), Length(r.Hold.Predicted), Length(r.Hold.Took), "moved"}))
}
