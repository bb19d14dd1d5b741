package config

import (
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
)

// Channel is a way to tell people. One of its kinds is set.
type Channel struct {
	ID       string
	Language string // "" = the page's first
	Zone     string // of its readers, "" = not known
	Webhook  *Webhook
	Email    *Email
	Chat     *Chat
	Telegram *Telegram
	Windows  *Windows
	Widget   *Widget
	Intercom *Intercom
}

// Intercom is a workspace: its users are told in the Messenger, or its News follow the change log.
type Intercom struct {
	Token  string        // path of the file with the access token
	Admin  int64         // the teammate in whose name it is written
	Active time.Duration // of users: who was not seen for longer is told nothing. 0 = it is for News
	Feeds  []int64       // of News: the newsfeeds
	Server string        // "" = that of the region US
}

// Telegram is a chat that a bot may write in.
type Telegram struct {
	Chat   string // a number, or "@name"
	Token  string // path of the file with the bot's token
	Server string // "" = Telegram's own
}

// Windows are the maintenance windows of a service that calls people, which are kept in line with ours.
type Windows struct {
	Kind     string   // WindowsPagerDuty or WindowsOpsgenie
	Secret   string   // path of the file with the token or key
	From     string   // PagerDuty: the login address of a user
	Services []string // PagerDuty: ids of those that call nobody meanwhile
	// Opsgenie: ids of what is switched off, and of policies that are switched on, meanwhile.
	Integrations, Policies []string
	Server                 string // "" = the service's own
}

// Kinds of Windows.
const (
	WindowsPagerDuty = "pagerduty"
	WindowsOpsgenie  = "opsgenie"
)

// Chat is a room where people talk, or a topic that they follow. Its address is a secret with most of them.
type Chat struct {
	Kind    string // one of Chats
	Address Address
	Secret  string // path of the file with the token, of ntfy alone, "" = none
}

// Chats are the kinds.
var Chats = []string{"slack", "discord", "teams", "ntfy"}

// Webhook is a program elsewhere. Its address may hold a secret, so it can lie in a file of its own.
type Webhook struct {
	Address Address
	Secret  string // path of a file, "" = nothing is signed
	Body    string // BodyLull or BodyStatuspage
}

// The bodies of a webhook.
const (
	BodyLull       = "lull"
	BodyStatuspage = "statuspage"
)

// Address is an address of the web: as it is, or in a file.
type Address struct{ URL, File string }

// Read gives the address. One in a file is read now.
func (a Address) Read() (Secret, error) {
	if a.File == "" {
		return NewSecret(a.URL), nil
	}
	s, err := ReadPassword(a.File)
	if err != nil {
		return s, err
	}
	if u, err := url.Parse(s.Reveal()); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return Secret{}, hint.Errorf("write the address as its one line, such as https://example.com/hook", "read %s: it does not hold an address of the web", a.File)
	}
	return s, nil
}

// Email is how mail goes out, and to whom.
type Email struct {
	From   string
	SMTP   string // host:port
	TLS    string // one of TLSPolicies
	User   string
	Secret string // path of the file with the password, "" = none
	DKIM   *DKIM
	Leave  *Leave // nil = mail says of no way to leave
	To     []Recipient
}

// TLSPolicies are how a connection to a mail server is kept private. The first one asks for it after
// the connection, and goes no further without.
var TLSPolicies = []string{"starttls", "implicit", "none"}

// Leave is an address of the operator's by which people leave with one click.
type Leave struct {
	URL    string // https, with {token}
	Secret string // path of the file with the key that tokens are made with
}

// DKIM is the key that mail is signed with.
type DKIM struct{ Domain, Selector, Key string }

// Recipient is somebody who gets mail.
type Recipient struct{ Address, Language, Zone string }

// Telling is what lull.yaml says of notices in general.
type Telling struct {
	Policy  map[maint.Impact][]Notice // that a plan must have, by the worst impact in it
	Words   string                    // folder of the operator's own texts, "" = none
	Private []netip.Prefix            // networks that channels may reach although they are private
}

func (d *document) telling(into *Telling) reader {
	return func(n *yaml.Node) {
		into.Policy = map[maint.Impact][]Notice{}
		d.object(n, "notices",
			may("policy", func(n *yaml.Node) {
				d.pairs(n, "policy", func(k, v *yaml.Node) {
					if !slices.Contains(maint.Impacts, maint.Impact(k.Value)) {
						d.problem(k, nearest(k.Value, words(maint.Impacts), "impacts"), "unknown impact %q", shorten(k.Value))
						return
					}
					var list []Notice
					d.value(k, v, d.notice(&list))
					into.Policy[maint.Impact(k.Value)] = list
				})
			}),
			may("words", d.absolute(&into.Words)),
			may("private", d.list(func(n *yaml.Node) { d.network(n, into) })))
	}
}

func (d *document) network(n *yaml.Node, into *Telling) {
	s, ok := d.scalar(n)
	if !ok {
		return
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		d.problem(n, `such as "10.0.0.0/8" or "127.0.0.1/32"`, "%q is not a network", shorten(s))
		return
	}
	into.Private = append(into.Private, p.Masked())
}

func (d *document) channels(c *Config) reader {
	return d.each("channel", func(id string, n *yaml.Node) {
		x, kinds := Channel{ID: id}, 0
		d.object(n, "channel "+id,
			may("language", d.oneOf(&x.Language, "language", Languages)),
			may("zone", func(n *yaml.Node) {
				d.line(&x.Zone)(n)
				d.zone(n, x.Zone)
			}),
			may("webhook", d.counted(&kinds, d.webhook(&x))),
			may("email", d.counted(&kinds, d.email(&x))),
			may("slack", d.counted(&kinds, d.chat("slack", &x))),
			may("discord", d.counted(&kinds, d.chat("discord", &x))),
			may("teams", d.counted(&kinds, d.chat("teams", &x))),
			may("ntfy", d.counted(&kinds, d.chat("ntfy", &x))),
			may("telegram", d.counted(&kinds, d.telegram(&x))),
			may("pagerduty", d.counted(&kinds, d.pagerduty(&x))),
			may("opsgenie", d.counted(&kinds, d.opsgenie(&x))),
			may("intercom", d.counted(&kinds, d.intercom(&x))),
			may("intercom_news", d.counted(&kinds, d.intercomNews(&x))),
			may("widget", d.counted(&kinds, d.widget(&x))))
		switch {
		case n.Kind != yaml.MappingNode || kinds == 1:
		case kinds == 0:
			d.problem(n, "write one of: webhook, email, slack, discord, teams, ntfy, telegram, pagerduty, opsgenie, intercom, intercom_news, widget", "channel %s does not say how it tells people", id)
		default:
			d.problem(n, "give each a name of its own", "channel %s tells people in more ways than one", id)
		}
		c.Channels = append(c.Channels, x)
	})
}

// counted counts what is read.
func (d *document) counted(n *int, read reader) reader {
	return func(node *yaml.Node) {
		*n++
		read(node)
	}
}

func (d *document) telegram(into *Channel) reader {
	return func(n *yaml.Node) {
		t := &Telegram{}
		into.Telegram = t
		d.object(n, "telegram",
			need("chat", d.checked(&t.Chat, func(s string) string {
				if !telegramChat.MatchString(s) {
					return "is not a chat of Telegram"
				}
				return ""
			}, `such as "@example", or the number of a group: -1001234567890`)),
			need("token_file", d.absolute(&t.Token)),
			may("url", d.url(&t.Server)))
	}
}

var telegramChat = regexp.MustCompile(`^(@[A-Za-z][A-Za-z0-9_]{3,31}|-?[0-9]{1,19})$`)

func (d *document) pagerduty(into *Channel) reader {
	return func(n *yaml.Node) {
		w := &Windows{Kind: WindowsPagerDuty}
		into.Windows = w
		d.object(n, w.Kind,
			need("token_file", d.absolute(&w.Secret)),
			need("from", d.checked(&w.From, func(s string) string {
				if a, err := mail.ParseAddress(s); err != nil || a.Address != s {
					return "is not a bare address of mail"
				}
				return ""
			}, `such as "ann@example.com"`)),
			need("services", d.ids(&w.Services)),
			may("url", d.url(&w.Server)))
		if len(w.Services) == 0 && !d.complainedAt(n) {
			d.problem(n, "such as services: [PIJ90N7]", "no service is named")
		}
	}
}

func (d *document) opsgenie(into *Channel) reader {
	return func(n *yaml.Node) {
		w := &Windows{Kind: WindowsOpsgenie}
		into.Windows = w
		d.object(n, w.Kind,
			need("key_file", d.absolute(&w.Secret)),
			may("integrations", d.ids(&w.Integrations)),
			may("policies", d.ids(&w.Policies)),
			may("url", d.url(&w.Server)))
		if len(w.Integrations)+len(w.Policies) == 0 && !d.complainedAt(n) {
			d.problem(n, "name what calls nobody meanwhile, such as integrations: [0f6e...]", "neither integrations nor policies are named")
		}
	}
}

// ids reads a list of ids that another service has given.
func (d *document) ids(into *[]string) reader {
	return d.list(func(n *yaml.Node) {
		var s string
		d.line(&s)(n)
		*into = append(*into, s)
	})
}

func (d *document) chat(kind string, into *Channel) reader {
	return func(n *yaml.Node) {
		c := &Chat{Kind: kind}
		into.Chat = c
		fields := d.webAddress(&c.Address)
		if kind == "ntfy" {
			fields = append(fields, may("token_file", d.absolute(&c.Secret)))
		}
		d.object(n, kind, fields...)
		d.oneAddress(n, c.Address)
	}
}

func (d *document) webhook(into *Channel) reader {
	return func(n *yaml.Node) {
		w := &Webhook{Body: BodyLull}
		into.Webhook = w
		d.object(n, "webhook", append(d.webAddress(&w.Address),
			may("secret_file", d.absolute(&w.Secret)),
			may("body", d.oneOf(&w.Body, "body", []string{BodyLull, BodyStatuspage})))...)
		d.oneAddress(n, w.Address)
	}
}

// webAddress reads "url" or "url_file".
func (d *document) webAddress(a *Address) []field {
	return []field{may("url", d.url(&a.URL)), may("url_file", d.absolute(&a.File))}
}

func (d *document) oneAddress(n *yaml.Node, a Address) {
	if n.Kind == yaml.MappingNode && (a.URL == "") == (a.File == "") && !d.complainedAt(n) {
		d.problem(n, `write "url:", or "url_file:" with the path of a file that only you can read`, "one address belongs here")
	}
}

// complainedAt says whether something was wrong in what was just read: then the address may be what it was.
func (d *document) complainedAt(n *yaml.Node) bool {
	return slices.ContainsFunc(d.problems, func(p Problem) bool { return p.Line >= n.Line })
}

func (d *document) email(into *Channel) reader {
	return func(n *yaml.Node) {
		e := &Email{TLS: TLSPolicies[0]}
		into.Email = e
		d.object(n, "email",
			need("from", d.mailbox(&e.From)),
			need("smtp", d.address(&e.SMTP)),
			may("tls", d.oneOf(&e.TLS, "way", TLSPolicies)),
			may("user", d.line(&e.User)),
			may("password_file", d.absolute(&e.Secret)),
			may("dkim", func(n *yaml.Node) {
				e.DKIM = &DKIM{}
				d.object(n, "dkim",
					need("domain", d.line(&e.DKIM.Domain)),
					need("selector", d.line(&e.DKIM.Selector)),
					need("key_file", d.absolute(&e.DKIM.Key)))
			}),
			may("unsubscribe", func(n *yaml.Node) {
				e.Leave = &Leave{}
				d.object(n, "unsubscribe",
					need("url", d.checked(&e.Leave.URL, func(s string) string {
						if u, err := url.Parse(s); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || !strings.Contains(s, "{token}") {
							return "is not an address of https with {token} in it"
						}
						return ""
					}, `such as "https://example.com/unsubscribe?t={token}"`)),
					need("secret_file", d.absolute(&e.Leave.Secret)))
			}),
			may("to", d.list(func(n *yaml.Node) { d.recipient(n, e) })))
		if (e.User == "") != (e.Secret == "") {
			d.problem(n, "write both, or none", "user and password_file belong together")
		}
	}
}

// recipient reads an address, or {address, language, zone}.
func (d *document) recipient(n *yaml.Node, e *Email) {
	var r Recipient
	if n.Kind == yaml.MappingNode {
		d.object(n, "recipient",
			need("address", d.mailbox(&r.Address)),
			may("language", d.oneOf(&r.Language, "language", Languages)),
			may("zone", func(n *yaml.Node) {
				d.line(&r.Zone)(n)
				d.zone(n, r.Zone)
			}))
	} else {
		d.mailbox(&r.Address)(n)
	}
	if slices.ContainsFunc(e.To, func(o Recipient) bool { return o.Address != "" && strings.EqualFold(o.Address, r.Address) }) {
		d.problem(n, "take one out", "%q is there twice", shorten(r.Address))
	}
	e.To = append(e.To, r)
}
