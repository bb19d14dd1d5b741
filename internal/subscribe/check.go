package subscribe

import (
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/hint"
)

const (
	longestMail = 254 // RFC 5321, section 4.5.3.1.3, without its brackets
	longestURL  = 1000
)

// Address gives the form in which an address is kept. It is refused when nothing could reach it.
func (w Way) Address(s string) (string, error) {
	s = strings.TrimSpace(s)
	switch w {
	case Email:
		return mailAddress(s)
	case Webhook:
		return webAddress(s, func(u *url.URL) bool { return u.Hostname() != slackHost })
	case Slack:
		return webAddress(s, func(u *url.URL) bool {
			return u.Host == slackHost && u.RawQuery == "" && strings.Count(u.Path, "/") > 1
		})
	}
	return "", hint.Errorf("say one of: email, webhook, slack", "%q is no way to be told", w)
}

// slackHost is where incoming webhooks of Slack lie, and nothing else.
const slackHost = "hooks.slack.com"

func mailAddress(s string) (string, error) {
	a, err := mail.ParseAddress(s)
	plain := err == nil && a.Name == "" && a.Address == s && len(s) <= longestMail && strings.Contains(s[strings.LastIndex(s, "@"):], ".") &&
		!strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' })
	if !plain {
		return "", hint.Errorf("write it as ann@example.org", "it is not an address of mail")
	}
	return strings.ToLower(s), nil
}

func webAddress(s string, proper func(*url.URL) bool) (string, error) {
	u, err := url.Parse(s)
	if err != nil || len(s) > longestURL || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || !proper(u) {
		return "", hint.Errorf("write the whole address, beginning with https://", "it is not an address that takes messages")
	}
	return u.String(), nil
}

// Check refuses what cannot be chosen. Components that do not exist any more are left out.
func (c Choice) Check(components, languages []string) (Choice, error) {
	out := Choice{}
	for _, k := range Kinds {
		if c.Wants(k) {
			out.Kinds = append(out.Kinds, k)
		}
	}
	if out.Kinds == nil {
		return out, hint.Errorf("choose one", "nothing is chosen")
	}
	for _, id := range components {
		if slices.Contains(c.Components, id) {
			out.Components = append(out.Components, id)
		}
	}
	if len(c.Components) > 0 && out.Components == nil {
		return out, hint.Errorf("choose one, or all", "none of these components is there")
	}
	if slices.Contains(languages, c.Language) {
		out.Language = c.Language
	}
	if zone := strings.TrimSpace(c.Zone); zone != "" {
		if _, err := time.LoadLocation(zone); err != nil || zone == "Local" {
			return out, hint.Errorf("write it as Europe/Paris", "it is not a time zone")
		}
		out.Zone = zone
	}
	return out, nil
}
