package feed

import "time"

// What follows are the objects of Statuspage's public API v2, every field of them. They are also
// what its webhooks carry.

// StatuspagePage says whose page it is.
type StatuspagePage struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	URL       string    `json:"url"`
	TimeZone  string    `json:"time_zone"`
	UpdatedAt timestamp `json:"updated_at"` // the last change, not the last look
}

// StatuspageStatus is the whole page in a word and a sentence.
type StatuspageStatus struct {
	Indicator   string `json:"indicator"` // none, minor, major, critical, maintenance
	Description string `json:"description"`
}

// StatuspageComponent is a component, or a group of them.
type StatuspageComponent struct {
	ID                 string    `json:"id"`
	Name               string    `json:"name"`
	Status             string    `json:"status"`
	CreatedAt          timestamp `json:"created_at"`
	UpdatedAt          timestamp `json:"updated_at"`
	Position           int       `json:"position"` // within its group, or beside groups
	Description        *string   `json:"description"`
	Showcase           bool      `json:"showcase"`
	StartDate          *string   `json:"start_date"`
	GroupID            *string   `json:"group_id"`
	PageID             string    `json:"page_id"`
	Group              bool      `json:"group"`
	OnlyShowIfDegraded bool      `json:"only_show_if_degraded"`
	Components         []string  `json:"components,omitempty"` // ids, of a group only
}

// StatuspageIncident is an incident, or a maintenance: that one has the two last fields.
type StatuspageIncident struct {
	ID              string                `json:"id"`
	Name            string                `json:"name"`
	Status          string                `json:"status"`
	CreatedAt       timestamp             `json:"created_at"`
	UpdatedAt       timestamp             `json:"updated_at"`
	MonitoringAt    *timestamp            `json:"monitoring_at"`
	ResolvedAt      *timestamp            `json:"resolved_at"`
	Impact          string                `json:"impact"`
	Shortlink       string                `json:"shortlink"`
	StartedAt       timestamp             `json:"started_at"`
	PageID          string                `json:"page_id"`
	IncidentUpdates []StatuspageUpdate    `json:"incident_updates"` // newest first
	Components      []StatuspageComponent `json:"components"`
	ScheduledFor    *timestamp            `json:"scheduled_for,omitempty"`
	ScheduledUntil  *timestamp            `json:"scheduled_until,omitempty"`
}

// StatuspageUpdate is one thing that was said of an incident or a maintenance.
type StatuspageUpdate struct {
	ID                   string               `json:"id"`
	Status               string               `json:"status"`
	Body                 string               `json:"body"` // plain text
	IncidentID           string               `json:"incident_id"`
	CreatedAt            timestamp            `json:"created_at"`
	UpdatedAt            timestamp            `json:"updated_at"`
	DisplayAt            timestamp            `json:"display_at"`
	AffectedComponents   []StatuspageAffected `json:"affected_components"`
	DeliverNotifications bool                 `json:"deliver_notifications"`
	CustomTweet          *string              `json:"custom_tweet"`
	TweetID              *string              `json:"tweet_id"`
}

// StatuspageAffected is what an update did to a component.
type StatuspageAffected struct {
	Code      string `json:"code"` // the component's id
	Name      string `json:"name"` // with its group's before it
	OldStatus string `json:"old_status"`
	NewStatus string `json:"new_status"`
}

// timestamp is an instant as Statuspage writes it: RFC 3339 with milliseconds.
type timestamp time.Time

const timestampLayout = "2006-01-02T15:04:05.000Z"

// MarshalText implements encoding.TextMarshaler.
func (t timestamp) MarshalText() ([]byte, error) {
	return []byte(time.Time(t).UTC().Format(timestampLayout)), nil
}

// maybe is nil for an instant that is not set.
func maybe(t time.Time) *timestamp {
	if t.IsZero() {
		return nil
	}
	out := timestamp(t)
	return &out
}

func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// StatuspageWebhook is what Statuspage posts to those who want to be told: programs that know its webhooks
// need no other.
type StatuspageWebhook struct {
	Meta     StatuspageMeta         `json:"meta"`
	Page     StatuspagePageStatus   `json:"page"`
	Incident StatuspageHookIncident `json:"incident"`
}

// StatuspageMeta is about the webhook itself.
type StatuspageMeta struct {
	Unsubscribe   string    `json:"unsubscribe"`
	Documentation string    `json:"documentation"`
	GeneratedAt   timestamp `json:"generated_at"`
}

// StatuspagePageStatus is the page in a word and a sentence.
type StatuspagePageStatus struct {
	ID          string `json:"id"`
	Indicator   string `json:"status_indicator"`
	Description string `json:"status_description"`
}

// StatuspageHookIncident is an incident with what only webhooks have of it.
type StatuspageHookIncident struct {
	StatuspageIncident
	Backfilled          bool       `json:"backfilled"`
	ImpactOverride      *string    `json:"impact_override"`
	PostmortemBody      *string    `json:"postmortem_body"`
	PostmortemUpdatedAt *timestamp `json:"postmortem_body_last_updated_at"`
	PostmortemIgnored   bool       `json:"postmortem_ignored"`
	PostmortemNotified  bool       `json:"postmortem_notified_subscribers"`
	PostmortemTweeted   bool       `json:"postmortem_notified_twitter"`
	PostmortemAt        *timestamp `json:"postmortem_published_at"`
	RemindPrior         bool       `json:"scheduled_remind_prior"`
	RemindedAt          *timestamp `json:"scheduled_reminded_at"`
	AutoInProgress      bool       `json:"scheduled_auto_in_progress"`
	AutoCompleted       bool       `json:"scheduled_auto_completed"`
}
