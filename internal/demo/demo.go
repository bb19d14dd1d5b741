// Package demo makes a real maintenance happen on throw-away ground: an old PostgreSQL behind
// PgBouncer with an ordinary application database, a load, three sites, an ordinary
// configuration and plan. It then types what a user would type, and measures from outside
// what came of it.
//
// It must not reach into what it shows: it knows Lull's commands and their output, the
// record as they print it, and the ledger's files, and nothing of how an upgrade is done.
package demo

import (
	"context"
	"io"
	"strconv"

	"github.com/lullhq/lull/internal/hint"
)

// Options are the versions and the size of the ground, and the load.
type Options struct {
	Dir     string // folder for everything; what an earlier demo left there is removed
	Majors  Majors
	Scale   int // of pgbench's tables: 15 MB each
	Rate    int // transactions a second
	Clients int
	Keep    bool // leave all up until the context ends
	Back    bool // take the way back instead of giving it up
	// Rehearse rehearses before it is announced. Rehearsed is called then, and may change the plan; nil = it does not.
	Rehearse  bool
	Rehearsed func(ctx context.Context) error

	Self string // Lull's own program
	Out  io.Writer
}

// The default versions are the ones that everything here is measured with.
var defaultMajors = Majors{From: 13, To: 17}

// Default sizes: about 150 MB.
const (
	defaultDir     = ".demo"
	defaultScale   = 6
	defaultRate    = 200
	defaultClients = 8
)

// FromEnviron reads FROM, TO, SCALE, RATE, CLIENTS, KEEP, REHEARSE and ROLLBACK, as make passes them on.
func FromEnviron(getenv func(string) string) (Options, error) {
	o := Options{Dir: defaultDir, Majors: defaultMajors, Scale: defaultScale, Rate: defaultRate, Clients: defaultClients}
	for _, x := range []struct {
		name        string
		into        *int
		least, most int
	}{
		{"FROM", &o.Majors.From, 10, 17}, {"TO", &o.Majors.To, 11, 18},
		{"SCALE", &o.Scale, 1, 10000}, {"RATE", &o.Rate, 1, 100000}, {"CLIENTS", &o.Clients, 1, 150},
	} {
		text := getenv(x.name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < x.least || n > x.most {
			return o, hint.Errorf("such as: SCALE=100 RATE=400 CLIENTS=16 make demo", "%s is %q, not a number from %d to %d", x.name, text, x.least, x.most)
		}
		*x.into = n
	}
	if o.Majors.From >= o.Majors.To {
		return o, hint.Errorf("such as: FROM=13 TO=18 make demo", "FROM is %d and TO is %d: the new version has to be the higher one", o.Majors.From, o.Majors.To)
	}
	on := func(name string) bool { text := getenv(name); return text != "" && text != "0" }
	o.Keep, o.Back, o.Rehearse = on("KEEP"), on("ROLLBACK"), on("REHEARSE")
	return o, nil
}
