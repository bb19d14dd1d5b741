package watchdog

// state is where the watchdog is between two events.
type state string

const (
	idle      state = "idle"      // ready, nobody held yet
	holding   state = "holding"   // PAUSE has been given
	held      state = "held"      // no transaction is running anywhere
	leaving   state = "leaving"   // on the way to one side, after a decision
	committed state = "committed" // clients are on the target
	released  state = "released"  // clients are on the source
	ended     state = "ended"
)

// event is what happens to the watchdog: a request, a loss, or the end of its own action.
type event string

const (
	askedHold    event = "hold"
	askedCommit  event = "commit"
	askedRelease event = "release"
	lost         event = "lost" // the controller is silent, or late
	gone         event = "gone" // the controller's end of the pipe is closed
	drained      event = "drained"
	onTarget     event = "on target"
	onSource     event = "on source"
	stuck        event = "stuck" // neither side could be reached in time
)

// action is what an event makes the watchdog do.
type action string

const (
	nothing action = ""
	refuse  action = "refuse"
	hold    action = "hold"
	commit  action = "commit"
	goBack  action = "go back" // look, and end the hold: at the source unless the decision was made
)

type step struct {
	to state
	do action
}

// table is the whole protocol. What it does not name is refused when it was asked for
// and means nothing otherwise.
var table = map[state]map[event]step{
	idle: {
		askedHold:    {holding, hold},
		askedRelease: {idle, nothing},
		gone:         {ended, nothing},
	},
	holding: {
		drained: {held, nothing},
		lost:    {leaving, goBack},
	},
	held: {
		askedCommit:  {leaving, commit},
		askedRelease: {leaving, goBack},
		lost:         {leaving, goBack},
		gone:         {leaving, goBack},
	},
	leaving: {
		onTarget: {committed, nothing},
		onSource: {released, nothing},
		stuck:    {ended, nothing},
	},
	committed: {
		askedCommit: {committed, nothing},
		gone:        {ended, nothing},
	},
	released: {
		askedHold:    {holding, hold}, // a new try, by a controller that knows of the release
		askedRelease: {released, nothing},
		gone:         {ended, nothing},
	},
}

// next tells what an event does in a state.
func next(s state, e event) (state, action) {
	if x, ok := table[s][e]; ok {
		return x.to, x.do
	}
	switch e {
	case askedHold, askedCommit, askedRelease:
		return s, refuse
	}
	return s, nothing
}
