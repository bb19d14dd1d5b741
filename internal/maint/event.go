package maint

import "time"

// Event is one thing that happened to a maintenance. Its kind is its name on disk, for ever.
type Event interface {
	Kind() string
}

// Public is an event whose words anyone may read. Only values of this type can
// reach a page, a feed or a notice: the compiler keeps the rest out.
type Public interface {
	Event
	public()
}

// Scheduled says what will happen and when. A later Scheduled of the same
// maintenance is a Rescheduled instead.
type Scheduled struct {
	Title      string            `json:"title"`
	Summary    string            `json:"summary"`
	Author     string            `json:"author,omitempty"`
	Window     Window            `json:"window"`
	Components map[string]Impact `json:"components,omitempty"`
	// Names are what the components were called when this was published. One without a name goes by its id.
	Names  map[string]string `json:"names,omitempty"`
	Phases []Phase           `json:"phases,omitempty"`
	// Notices are when people are told of it: times before the start and events, as the plan writes them.
	Notices []string `json:"notices,omitempty"`
}

// Phase is a step of the plan in the public's words.
type Phase struct {
	Step   string        `json:"step"`
	Title  string        `json:"title"`
	Budget time.Duration `json:"budget,omitempty"`
}

// Rescheduled replaces everything that Scheduled said.
type Rescheduled struct {
	Scheduled
	Text string `json:"text"`
}

// Started says that the work has begun.
type Started struct {
	Text string `json:"text"`
}

// Updated is a public line about how the work goes.
type Updated struct {
	Text string `json:"text"`
}

// BannerChanged says on how many of the sites the banner now is, or is no more.
type BannerChanged struct {
	On    bool   `json:"on"`
	Sites int    `json:"sites"`
	Of    int    `json:"of"`
	Text  string `json:"text"`
}

// Late says that the work will end after the window, and when it is expected to end.
type Late struct {
	ExpectedEnd time.Time `json:"expected_end"`
	Text        string    `json:"text"`
}

// Extended says that the window is longer than people were told, while the work goes on. It begins when it did.
type Extended struct {
	Window Window `json:"window"`
	Text   string `json:"text"`
}

// Verifying says that the work is done and the checks after it run.
type Verifying struct {
	Text string `json:"text"`
}

// Completed says that the checks after the work are green.
type Completed struct {
	Text string `json:"text"`
}

// Cancelled says that the maintenance will not happen, or was given up.
type Cancelled struct {
	Text string `json:"text"`
}

// RolledBack says that the work was taken back: all is on the version it was on before.
type RolledBack struct {
	Text string `json:"text"`
}

// StepStarted, StepFinished, StepFailed and StepUndone follow one step of the plan.
// They are for the operator: names of servers and errors stay out of public views.
type StepStarted struct {
	Step    string        `json:"step"`
	Title   string        `json:"title"`
	Attempt int           `json:"attempt"`
	Budget  time.Duration `json:"budget,omitempty"`
}

// StepFinished carries what was seen when the step was looked at again after it.
type StepFinished struct {
	Step     string        `json:"step"`
	Title    string        `json:"title"`
	Attempt  int           `json:"attempt"`
	Took     time.Duration `json:"took"`
	Budget   time.Duration `json:"budget,omitempty"`
	Evidence string        `json:"evidence,omitempty"`
}

// StepFailed carries the error and what the operator was told to do.
type StepFailed struct {
	Step    string        `json:"step"`
	Title   string        `json:"title"`
	Attempt int           `json:"attempt"`
	Took    time.Duration `json:"took"`
	Error   string        `json:"error"`
	Hint    string        `json:"hint,omitempty"`
}

// StepUndone says that the effects of a step were taken back.
type StepUndone struct {
	Step  string        `json:"step"`
	Title string        `json:"title"`
	Took  time.Duration `json:"took"`
}

// Resumed says that a later run carried on after the one before it ended early.
type Resumed struct {
	Epoch int64  `json:"epoch"`
	Text  string `json:"text"`
}

// Noted is a conclusion of a step: a sentence, and the figures it rests on.
type Noted struct {
	Step    string  `json:"step"`
	Text    string  `json:"text"`
	Figures Figures `json:"figures,omitempty"`
}

// Audited says what was easier to break into than it has to be: on the server that clients were on,
// and on the one that was made for them. It is for the operator.
type Audited struct {
	Step   string     `json:"step"`
	Before []Weakness `json:"before"`
	After  []Weakness `json:"after"`
}

// Weakness is what a check of a server found, and how many of it.
type Weakness struct {
	ID       string `json:"id"`
	Severity string `json:"severity"` // "fix", "warning" or "note"
	Title    string `json:"title"`
	Count    int    `json:"count"`
}

// Fenced says that nobody but Lull could write any more on the server that clients left, and
// what was seen that proves it. It names roles and databases, so it is for the operator.
type Fenced struct {
	Step string `json:"step"`
	// Ended are the sessions that were still inside when the server closed: they had come past
	// the pooler, or the pooler had closed them a moment before.
	Ended []EndedSessions `json:"ended,omitempty"`
	// Refused are the superusers that cannot log in there any more.
	Refused []string `json:"refused,omitempty"`
	// What was left at the last look, when all that had been written was on the other server.
	Left     int `json:"left"`     // sessions other than Lull's
	Writing  int `json:"writing"`  // transaction ids held by others
	Prepared int `json:"prepared"` // prepared transactions
	// Markers are the last transactions of that server, one a database, and Next is the id that would have come after them.
	Markers []FenceMarker `json:"markers"`
	Next    int64         `json:"next"`
	End     string        `json:"end"` // of that server's WAL
}

// EndedSessions are sessions of one kind that were ended.
type EndedSessions struct {
	Role          string `json:"role"`
	Application   string `json:"application,omitempty"`
	Database      string `json:"database"`
	Sessions      int    `json:"sessions"`
	InTransaction int    `json:"in_transaction,omitempty"`
	Writing       int    `json:"writing,omitempty"` // had a transaction id
}

// FenceMarker is a row that was written last on the one server, and seen on the other.
type FenceMarker struct {
	Database    string `json:"database"`
	Transaction int64  `json:"transaction"`
	Written     string `json:"written"` // position in the WAL before its commit
	Reached     string `json:"reached"` // position that the other server had reached when it was seen there
}

// SitesProbed says how the sites, and the components that the plan names, answered while the
// maintenance ran. It is for the operator, because of its reasons; names, instants and numbers
// may be published in the post-mortem.
type SitesProbed struct {
	Step string `json:"step"`
	// Watched are the times in which it was looked. Between them the work was interrupted.
	Watched []Span   `json:"watched"`
	Sites   []Uptime `json:"sites"`
}

// Rehearsed is what a rehearsal has learned. Forecasts are made of it. It is for the operator.
type Rehearsed struct {
	Steps   []StepTime    `json:"steps"`
	Between time.Duration `json:"between,omitempty"` // from one step to the next, on an average: looking and keeping the record
	Load    Figures       `json:"load,omitempty"`    // how much there was to do: what steps take longer with
	Hold    *HoldTimes    `json:"hold,omitempty"`
}

// StepTime is how long a step took, and the figure of the load that its time grows with ("" = with none).
type StepTime struct {
	Step  string        `json:"step"`
	Title string        `json:"title"`
	Took  time.Duration `json:"took"`
	By    string        `json:"by,omitempty"`
}

// HoldTimes are how long a hold would have been at several moments at which nobody was held.
type HoldTimes struct {
	Median time.Duration `json:"median"`
	P99    time.Duration `json:"p99"`
	Looks  int           `json:"looks"`
}

// Forecast is how long the work was expected to take when it began. It is for the operator.
type Forecast struct {
	Parts      []Expected    `json:"parts"`
	Total      time.Duration `json:"total"`
	Low        time.Duration `json:"low"` // the total is expected between these
	High       time.Duration `json:"high"`
	Hold       *HoldTimes    `json:"hold,omitempty"`
	Rehearsals int           `json:"rehearsals"` // that it rests on
	Rehearsed  time.Time     `json:"rehearsed,omitzero"`
	Confidence Confidence    `json:"confidence"`
}

// Confidence is how far a forecast is to be trusted.
type Confidence string

// The degrees of confidence.
const (
	Sure    Confidence = "high"   // several rehearsals agree, and there is about as much to do as there was
	Fair    Confidence = "medium" // one rehearsal, or several that do not agree
	Doubted Confidence = "low"    // nothing was rehearsed, or there is far more to do than there was
)

// Expected is how long one step is expected to take, and what that rests on.
type Expected struct {
	Step  string        `json:"step"`
	Title string        `json:"title"`
	Takes time.Duration `json:"takes"`
	Basis Basis         `json:"basis"`
}

// Basis is what an expected time rests on.
type Basis string

// What expected times rest on.
const (
	ByRehearsal Basis = "rehearsal"
	ByPlan      Basis = "plan"    // the length of a wait, the budget of a command
	ByOthers    Basis = "others"  // it cannot be rehearsed, and is taken to be like the shorter half of those that were
	ByNothing   Basis = "nothing" // it counts as no time at all
)

// Span is a time from one instant to another.
type Span struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Uptime is what came of all looks at one site or component.
type Uptime struct {
	Name      string        `json:"name"`
	Component bool          `json:"component,omitempty"`
	Probes    int           `json:"probes"`
	Failures  int           `json:"failures"`
	Slowest   time.Duration `json:"slowest"` // of the good answers
	Outages   []Outage      `json:"outages,omitempty"`
}

// Down is how long there was no good answer in all.
func (u Uptime) Down() (d time.Duration) {
	for _, o := range u.Outages {
		d += o.To.Sub(o.From)
	}
	return d
}

// Outage is a time without a good answer, from the begin of the first look that failed to the
// begin of the first one after it that was good. Until there is one, To is the begin of the last.
type Outage struct {
	Span
	Over     bool   `json:"over"`
	Failures int    `json:"failures"`
	Reason   string `json:"reason"` // of the first failure, in the operator's words
}

// Figures are named numbers with their unit in the name: hold_ms, database_bytes.
type Figures map[string]float64

func (Scheduled) Kind() string     { return "scheduled" }
func (Rescheduled) Kind() string   { return "rescheduled" }
func (Started) Kind() string       { return "started" }
func (Updated) Kind() string       { return "updated" }
func (BannerChanged) Kind() string { return "banner_changed" }
func (Late) Kind() string          { return "late" }
func (Extended) Kind() string      { return "extended" }
func (Verifying) Kind() string     { return "verifying" }
func (Completed) Kind() string     { return "completed" }
func (Cancelled) Kind() string     { return "cancelled" }
func (RolledBack) Kind() string    { return "rolled_back" }
func (StepStarted) Kind() string   { return "step_started" }
func (StepFinished) Kind() string  { return "step_finished" }
func (Audited) Kind() string       { return "audited" }
func (StepFailed) Kind() string    { return "step_failed" }
func (StepUndone) Kind() string    { return "step_undone" }
func (Resumed) Kind() string       { return "resumed" }
func (Noted) Kind() string         { return "noted" }
func (Fenced) Kind() string        { return "fenced" }
func (SitesProbed) Kind() string   { return "sites_probed" }
func (Rehearsed) Kind() string     { return "rehearsed" }
func (Forecast) Kind() string      { return "forecast" }

func (Scheduled) public()     {}
func (Rescheduled) public()   {}
func (Started) public()       {}
func (Updated) public()       {}
func (BannerChanged) public() {}
func (Late) public()          {}
func (Extended) public()      {}
func (Verifying) public()     {}
func (Completed) public()     {}
func (Cancelled) public()     {}
func (RolledBack) public()    {}
