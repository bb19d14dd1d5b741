package config

import (
	"time"

	yaml "go.yaml.in/yaml/v4"
)

// activeFor is how long ago a user of Intercom may have been seen who is told, if lull.yaml does not say.
const activeFor = 30 * 24 * time.Hour

// mostID is beyond every number that Intercom gives, and can be told exactly in JSON.
const mostID = 1 << 53

func (d *document) intercom(into *Channel) reader {
	return func(n *yaml.Node) {
		x, days := &Intercom{Active: activeFor}, 0
		into.Intercom = x
		d.object(n, "intercom", append(d.workspace(x), may("active_days", d.number(&days, 1, 3650)))...)
		if days > 0 {
			x.Active = time.Duration(days) * 24 * time.Hour
		}
	}
}

func (d *document) intercomNews(into *Channel) reader {
	return func(n *yaml.Node) {
		x := &Intercom{}
		into.Intercom = x
		d.object(n, "intercom_news", append(d.workspace(x), need("newsfeeds", d.list(func(n *yaml.Node) {
			var id int
			d.number(&id, 1, mostID)(n)
			x.Feeds = append(x.Feeds, int64(id))
		})))...)
		if len(x.Feeds) == 0 && !d.complainedAt(n) {
			d.problem(n, "such as newsfeeds: [53]", "no newsfeed is named")
		}
	}
}

// workspace are the fields of both.
func (d *document) workspace(x *Intercom) []field {
	return []field{
		need("token_file", d.absolute(&x.Token)),
		need("admin", func(n *yaml.Node) {
			var id int
			d.number(&id, 1, mostID)(n)
			x.Admin = int64(id)
		}),
		may("url", d.url(&x.Server)),
	}
}
