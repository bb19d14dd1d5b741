package config

import (
	"maps"
	"slices"
	"time"

	yaml "go.yaml.in/yaml/v4"

	"github.com/lullhq/lull/internal/maint"
)

// Plan is what to do: one maintenance, from first notice to last step.
type Plan struct {
	File       string // as it was given
	ID         maint.ID
	Title      string
	Summary    string
	Author     string
	Window     maint.Window
	Components map[string]maint.Impact
	Notices    []Notice
	Exception  *Exception // from the policy of notices, nil = none
	// ShortWindow accepts a window that is shorter than the forecast, nil = nobody does.
	ShortWindow *Exception
	Steps       []Step
}

// Notice is a moment at which people are told.
type Notice = maint.Notice

// Exception is who has decided otherwise than a rule has it, and why.
type Exception struct{ By, Why string }

// Worst is the worst that any component suffers by the plan.
func (p *Plan) Worst() maint.Impact {
	return maint.Worst(slices.Collect(maps.Values(p.Components))...)
}

// Scheduled is what the plan promises the public.
func (p *Plan) Scheduled(phases []maint.Phase) maint.Scheduled {
	return maint.Scheduled{
		Title: p.Title, Summary: p.Summary, Author: p.Author,
		Window: p.Window, Components: p.Components, Phases: phases,
	}
}

// LoadPlan reads a plan and checks it against what lull.yaml says there is.
// Problems of its content come as Errors.
func LoadPlan(path string, c *Config) (*Plan, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return ParsePlan(path, data, c)
}

// ParsePlan is LoadPlan of a plan that did not come from a file here. Nothing that it names is opened.
func ParsePlan(path string, data []byte, c *Config) (*Plan, error) {
	d, root, err := begin(path, data)
	if err != nil {
		return nil, err
	}
	p := d.plan(root, c)
	if err := d.err(); err != nil {
		return nil, err
	}
	return p, nil
}

func (d *document) plan(root *yaml.Node, c *Config) *Plan {
	p := &Plan{File: d.file, Author: c.Author, Components: map[string]maint.Impact{}}
	d.object(root, "the plan",
		need("maintenance", d.slug((*string)(&p.ID))),
		need("title", d.lasting(d.line(&p.Title))),
		need("summary", d.lasting(d.text(&p.Summary))),
		may("author", d.line(&p.Author)),
		need("window", d.window(&p.Window)),
		may("components", d.impacts(p.Components, c)),
		may("notices", d.notice(&p.Notices)),
		may("short_notice", func(n *yaml.Node) {
			p.Exception = &Exception{}
			d.object(n, "short_notice", need("by", d.line(&p.Exception.By)), need("why", d.line(&p.Exception.Why)))
		}),
		may("short_window", func(n *yaml.Node) {
			p.ShortWindow = &Exception{}
			d.object(n, "short_window", need("by", d.line(&p.ShortWindow.By)), need("why", d.line(&p.ShortWindow.Why)))
		}),
		need("steps", d.steps(&p.Steps, c)),
	)
	return p
}

// lasting refuses words that mean another day to whoever reads them later.
func (d *document) lasting(read reader) reader {
	return func(n *yaml.Node) {
		read(n)
		if word := maint.Relative(n.Value); word != "" {
			d.problem(n, "leave the day to the window: every page and notice says it", "%q is another day for whoever reads it later", word)
		}
	}
}

func (d *document) window(w *maint.Window) reader {
	return func(n *yaml.Node) {
		var start, zone *yaml.Node
		d.object(n, "window",
			need("start", d.at(&start, d.line(&w.Start))),
			need("zone", d.at(&zone, d.line(&w.Zone))),
			need("allow", d.duration(&w.Allow)))
		if w.Start != "" && w.Zone != "" && d.zone(zone, w.Zone) {
			d.start(start, *w)
		}
	}
}

// zone asks the domain about the zone alone, so that the problem gets the zone's place.
func (d *document) zone(n *yaml.Node, zone string) bool {
	_, _, err := maint.Window{Start: "2000-01-01 12:00", Zone: zone, Allow: time.Hour}.Resolve()
	if err == nil && zone != "Local" { // Go's word for whatever the machine is set to
		return true
	}
	d.problem(n, `write area and city, such as "Europe/Paris"; timedatectl list-timezones prints them all`, "zone %q is not an IANA time zone", shorten(zone))
	return false
}

func (d *document) start(n *yaml.Node, w maint.Window) {
	w.Allow = time.Hour // its own problem has its own place
	if _, _, err := w.Resolve(); err != nil {
		d.problem(n, `write the wall time in the zone, such as "2026-12-05 17:00"`, "%v", err)
	}
}

func (d *document) impacts(into map[string]maint.Impact, c *Config) reader {
	return func(n *yaml.Node) {
		d.pairs(n, "components", func(k, v *yaml.Node) { d.impact(into, c, k, v) })
	}
}

func (d *document) impact(into map[string]maint.Impact, c *Config, k, v *yaml.Node) {
	if _, ok := c.Component(k.Value); !ok {
		d.problem(k, nearest(k.Value, c.componentIDs(), "components of lull.yaml"), "component %q is not in lull.yaml", shorten(k.Value))
		return
	}
	var impact string
	d.value(k, v, d.oneOf(&impact, "impact", words(maint.Impacts)))
	into[k.Value] = maint.Impact(impact)
}

func (c *Config) componentIDs() []string {
	var out []string
	for _, x := range c.Components {
		out = append(out, x.ID)
	}
	return out
}

func (d *document) notice(into *[]Notice) reader {
	return d.list(func(n *yaml.Node) {
		var word string
		d.line(&word)(n)
		if word == "" {
			return
		}
		x, known := maint.ParseNotice(word)
		if !known {
			d.problem(n, nearest(word, maint.Occasions, `a time such as "14d", "1h", "30m", or one of`), "notice %q is neither a time before the start nor an event", shorten(word))
			return
		}
		if slices.ContainsFunc(*into, func(y Notice) bool { return x.Word == y.Word }) {
			d.problem(n, "take one out", "notice %q is there twice", word)
		}
		*into = append(*into, x)
	})
}
