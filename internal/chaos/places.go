package chaos

import "slices"

// Places are the steps of the plan in their order, and the hold, which is a place of its own
// inside the switch.
const (
	preflight    = "upgrade/preflight"
	publication  = "upgrade/publication"
	slots        = "upgrade/slots"
	baseBackup   = "upgrade/base-backup"
	freeze       = "upgrade/freeze"
	recovery     = "upgrade/recovery"
	pgUpgrade    = "upgrade/pg-upgrade"
	targetStart  = "upgrade/target"
	subscription = "upgrade/subscription"
	catchUp      = "upgrade/catch-up"
	wayBack      = "upgrade/way-back"
	deltas       = "upgrade/deltas"
	statistics   = "upgrade/statistics"
	comparison   = "upgrade/comparison"
	plans        = "upgrade/plans"
	cache        = "upgrade/cache"
	theSwitch    = "upgrade/switch"
	held         = "held"
	after        = "upgrade/after"
	followBack   = "upgrade/follow-back"
	viewsAfter   = "upgrade/views"
	check        = "check"
)

var places = []string{
	preflight, publication, slots, baseBackup, freeze, recovery, pgUpgrade, targetStart, subscription,
	catchUp, wayBack, deltas, statistics, comparison, plans, cache, theSwitch, held, after, followBack, viewsAfter, check,
}

// Places of the way back, which is a run of its own.
const (
	backReady  = "upgrade/rollback/ready"
	backSwitch = "upgrade/rollback/switch"
	backHeld   = "held again"
	backAfter  = "upgrade/rollback/after"
	backTidy   = "upgrade/rollback/tidy-up"
)

var placesBack = []string{backReady, backSwitch, backHeld, backAfter, backTidy}

// order is that in which a maintenance with its way back comes by the places.
var order = slices.Concat(places, placesBack)

// before gives the places up to one, without it.
func before(place string) []string { return places[:slices.Index(places, place)] }

// from gives the places from one on.
func from(place string) []string { return places[slices.Index(places, place):] }

// between gives the places from one to another, both included.
func between(first, last string) []string {
	return places[slices.Index(places, first) : slices.Index(places, last)+1]
}
