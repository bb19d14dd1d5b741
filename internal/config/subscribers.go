package config

import (
	"slices"
	"time"

	yaml "go.yaml.in/yaml/v4"
)

// Subscribers are people and programs that ask by themselves to be told, on the page.
type Subscribers struct {
	Set      bool
	Email    string // the channel whose mail server, sender and key their mail goes out by; "" = none by mail
	Webhooks bool
	Slack    bool
	Digest   time.Weekday  // of the change log
	DigestAt time.Duration // after midnight, in the page's zone
	Proxies  int           // before the server, whose word is taken on who asks
}

var weekdays = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

func (d *document) subscribers(c *Config) reader {
	return func(n *yaml.Node) {
		s := Subscribers{Set: true, Digest: time.Monday, DigestAt: 9 * time.Hour}
		var day, at string
		d.object(n, "subscribers",
			may("email", d.slug(&s.Email)),
			may("webhooks", d.either(&s.Webhooks, "true", "false")),
			may("slack", d.either(&s.Slack, "true", "false")),
			may("digest", func(n *yaml.Node) {
				d.object(n, "digest",
					may("day", d.oneOf(&day, "day", weekdays)),
					may("at", d.checked(&at, func(s string) string {
						if _, err := time.Parse("15:04", s); err != nil {
							return "is no time of day"
						}
						return ""
					}, `such as "09:00"`)))
			}),
			may("proxies", d.number(&s.Proxies, 0, 9)))
		if day != "" {
			s.Digest = time.Weekday(slices.Index(weekdays, day))
		}
		if t, err := time.Parse("15:04", at); err == nil {
			s.DigestAt = time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
		}
		if n.Kind == yaml.MappingNode && s.Email == "" && !s.Webhooks && !s.Slack {
			d.problem(n, `write "email:" with the name of a channel that sends mail, "webhooks: true" or "slack: true"`, "subscribers can be told by no way")
		}
		if s.Email != "" && !slices.ContainsFunc(c.Channels, func(x Channel) bool { return x.ID == s.Email && x.Email != nil }) {
			d.problem(n, `name one of "channels:" that has "email:"`, "there is no channel %q that sends mail", s.Email)
		}
		c.Subscribers = s
	}
}

// tellsSomebody refuses a channel of mail that goes to nobody.
func (d *document) tellsSomebody(n *yaml.Node, c *Config) {
	for _, x := range c.Channels {
		if x.Email != nil && len(x.Email.To) == 0 && x.ID != c.Subscribers.Email {
			d.problem(n, `add "to:" with addresses, or "subscribers: {email: `+x.ID+`}" to lull.yaml`, "channel %s sends mail to nobody", x.ID)
		}
	}
}
