package config

import (
	"net/url"
	"slices"
	"time"

	yaml "go.yaml.in/yaml/v4"
)

// Widget is a product that shows messages to people who are signed in to it.
type Widget struct {
	Keys    string              // path of the file with the keys that its tokens are checked with
	Origins []string            // of its pages, as browsers write them: https://app.example.com
	To      map[string][]string // traits that people must have, each with its values; none = everybody
	Active  time.Duration       // who was there in so long a time before a message; 0 = also who was not
}

func (d *document) widget(into *Channel) reader {
	return func(n *yaml.Node) {
		w := &Widget{To: map[string][]string{}}
		into.Widget = w
		d.object(n, "widget",
			need("keys_file", d.absolute(&w.Keys)),
			need("origins", d.list(func(n *yaml.Node) { d.origin(n, w) })),
			may("to", func(n *yaml.Node) { d.traits(n, w) }),
			may("active", d.duration(&w.Active)))
		if n.Kind == yaml.MappingNode && len(w.Origins) == 0 && !d.complainedAt(n) {
			d.problem(n, `such as "origins: [https://app.example.com]"`, "widget names no origin")
		}
	}
}

// origin reads where pages are, without a path (RFC 6454, section 6.1).
func (d *document) origin(n *yaml.Node, w *Widget) {
	s, ok := d.scalar(n)
	if !ok {
		return
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || s != u.Scheme+"://"+u.Host {
		d.problem(n, `such as "https://app.example.com", without a slash at its end`, "%q is not an origin", shorten(s))
		return
	}
	if slices.Contains(w.Origins, s) {
		d.problem(n, "take one out", "%q is there twice", shorten(s))
	}
	w.Origins = append(w.Origins, s)
}

// traits reads {plan: pro} and {plan: [pro, team]}.
func (d *document) traits(n *yaml.Node, w *Widget) {
	d.pairs(n, "to", func(k, v *yaml.Node) {
		d.value(k, v, func(v *yaml.Node) {
			one := func(n *yaml.Node) {
				if s, ok := d.scalar(n); ok {
					w.To[k.Value] = append(w.To[k.Value], s)
				}
			}
			if v.Kind == yaml.SequenceNode {
				d.list(one)(v)
			} else {
				one(v)
			}
			if len(w.To[k.Value]) == 0 && !d.complainedAt(v) {
				d.problem(v, "name at least one value, or take the trait out", "trait %q has no value", shorten(k.Value))
			}
		})
	})
}
