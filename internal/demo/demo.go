// Package demo makes a real maintenance happen on throw-away ground: a PostgreSQL 13 behind
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

// Options are the size of the ground and of the load.
type Options struct {
	Dir     string // folder for everything; what an earlier demo left there is removed
	Scale   int    // of pgbench's tables: 15 MB each
	Rate    int    // transactions a second
	Clients int
	Keep    bool // leave all up until the context ends
	Back    bool // take the way back instead of giving it up
	// Rehearse rehearses before it is announced. Rehearsed is called then, and may change the plan; nil = it does not.
	Rehearse  bool
	Rehearsed func(ctx context.Context) error

	Self string // Lull's own program
	Out  io.Writer
}

// Default sizes: about 150 MB.
const (
	defaultDir     = ".demo"
	defaultScale   = 6
	defaultRate    = 200
	defaultClients = 8
)

// FromEnviron reads SCALE, RATE, CLIENTS, KEEP, REHEARSE and ROLLBACK, as make passes them on.
func FromEnviron(getenv func(string) string) (Options, error) {
	o := Options{Dir: defaultDir, Scale: defaultScale, Rate: defaultRate, Clients: defaultClients}
	for _, x := range []struct {
		name string
		into *int
		most int
	}{{"SCALE", &o.Scale, 10000}, {"RATE", &o.Rate, 100000}, {"CLIENTS", &o.Clients, 150}} {
		text := getenv(x.name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > x.most {
			return o, hint.Errorf("such as: SCALE=100 RATE=400 CLIENTS=16 make demo", "%s is %q, not a number from 1 to %d", x.name, text, x.most)
		}
		*x.into = n
	}
	on := func(name string) bool { text := getenv(name); return text != "" && text != "0" }
	o.Keep, o.Back, o.Rehearse = on("KEEP"), on("ROLLBACK"), on("REHEARSE")
	return o, nil
}
