// Package config reads lull.yaml, which says what there is, plans, which say what to
// do, and posts of the change log, which say what is new. It answers with typed values, or with every problem of the file at
// once, each with its place and what to write instead.
//
// It must not know of Postgres drivers, storage or HTTP: it opens no connection
// and looks at nothing but these files, the environment variables they name,
// and a password file at the moment the password is asked for. Its types hold
// secrets and addresses, so nothing that renders for the public may be given one.
package config

import (
	"net"
	"slices"
	"strings"

	// A server may have no zone database of its own, and windows are kept as wall time and zone.
	_ "time/tzdata"

	yaml "go.yaml.in/yaml/v4"
)

// Config is lull.yaml: what there is. Paths are absolute.
type Config struct {
	File         string // as it was given
	Organization string
	Author       string // of plans that name none
	Zone         string // of the status page: an IANA name, "" = UTC
	Contact      string // whom people may ask while a maintenance is under way, "" = the author
	Store        Store
	Server       Server
	Page         Page
	Snapshot     Snapshot    // where the public face is kept beside the server
	Components   []Component // in the order of the file, which is the order of the page
	Clusters     map[string]Cluster
	Poolers      map[string]Pooler
	Themes       map[string]Theme
	Sites        map[string]Site
	Notices      Telling
	Channels     []Channel // in the order of the file
	Subscribers  Subscribers
	Spelling     []string // words of the operator's that no dictionary has
}

// Store is where Lull keeps its record: a SQLite file, or a Postgres database.
type Store struct {
	File     string // "" = Postgres
	Postgres DSN
	// WorkDir is where a run keeps files of its own while it works: on this machine, wherever the record is.
	WorkDir string
}

// Server is where `lull serve` listens and how people reach it.
type Server struct {
	Listen  string // host:port
	URL     string // without a slash at its end
	Metrics string // host:port of a listener of their own, "" = none
}

// Component is a part of the product that its users know by name.
type Component struct {
	ID          string
	Name        string
	Description string
	Group       string // "" = it stands by itself on the page
	Probes      []Probe
}

// Cluster is a Postgres server with its databases, and the server that is to take its place.
type Cluster struct {
	ID      string
	Source  DSN
	Target  Target
	Bin     []string // more places to look for binaries
	RunAs   string   // the user of the target's processes when lull runs as root
	Poolers []string
	Jobs    int // 0: lull decides
	// SecretHook is a program that is given a role's new password by its standard input, empty = none.
	SecretHook []string
}

// Target is where the new server is built.
type Target struct {
	Data      string
	Host      string
	Port      int
	SocketDir string // "": the server's default
	Settings  map[string]string
}

// Component gives the component of that id.
func (c *Config) Component(id string) (Component, bool) {
	for _, x := range c.Components {
		if x.ID == id {
			return x, true
		}
	}
	return Component{}, false
}

// Load reads lull.yaml. Problems of its content come as Errors.
func Load(path string) (*Config, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return parseConfig(path, data)
}

func parseConfig(path string, data []byte) (*Config, error) {
	d, root, err := begin(path, data)
	if err != nil {
		return nil, err
	}
	c := d.config(root)
	if err := d.err(); err != nil {
		return nil, err
	}
	return c, nil
}

func (d *document) config(root *yaml.Node) *Config {
	c := &Config{File: d.file, Store: d.storeFile(d.path("lull.db")), Server: Server{Listen: "127.0.0.1:8080"},
		Clusters: map[string]Cluster{}, Poolers: map[string]Pooler{}, Sites: map[string]Site{}}
	var clusters, sites, channels, subscribers *yaml.Node
	d.object(root, "lull.yaml",
		need("organization", d.line(&c.Organization)),
		may("author", d.line(&c.Author)),
		may("contact", d.line(&c.Contact)),
		may("zone", func(n *yaml.Node) {
			d.line(&c.Zone)(n)
			d.zone(n, c.Zone)
		}),
		may("store", d.store(&c.Store)),
		may("server", d.server(&c.Server)),
		may("page", d.page(&c.Page)),
		may("snapshot", d.snapshot(&c.Snapshot)),
		may("components", d.components(c)),
		may("notices", d.telling(&c.Notices)),
		may("channels", func(n *yaml.Node) {
			channels = n
			d.channels(c)(n)
		}),
		may("subscribers", func(n *yaml.Node) { subscribers = n }),
		may("spelling", d.list(func(n *yaml.Node) {
			var word string
			d.line(&word)(n)
			c.Spelling = append(c.Spelling, word)
		})),
		may("clusters", func(n *yaml.Node) { clusters = n }),
		may("poolers", d.each("pooler", func(id string, n *yaml.Node) { c.Poolers[id] = d.pooler(id, n) })),
		may("themes", func(n *yaml.Node) {
			c.Themes = map[string]Theme{}
			d.each("theme", func(id string, n *yaml.Node) { c.Themes[id] = d.theme(id, n) })(n)
		}),
		may("sites", func(n *yaml.Node) { sites = n }),
	)
	if sites != nil { // read last: they refer to themes
		d.each("site", func(id string, n *yaml.Node) { c.Sites[id] = d.site(id, n, c) })(sites)
	}
	if clusters != nil { // read last: they refer to poolers
		d.each("cluster", func(id string, n *yaml.Node) { c.Clusters[id] = d.cluster(id, n, c) })(clusters)
	}
	if subscribers != nil { // and these to channels
		d.subscribers(c)(subscribers)
	}
	if channels != nil {
		d.tellsSomebody(channels, c)
	}
	if c.Server.URL == "" {
		c.Server.URL = "http://" + c.Server.Listen
	}
	return c
}

func (d *document) server(into *Server) reader {
	return func(n *yaml.Node) {
		d.object(n, "server",
			may("listen", d.address(&into.Listen)),
			may("url", d.url(&into.URL)),
			may("metrics", d.address(&into.Metrics)))
		into.URL = strings.TrimSuffix(into.URL, "/")
	}
}

func (d *document) address(into *string) reader {
	return d.checked(into, func(s string) string {
		host, port, err := net.SplitHostPort(s)
		if err != nil || !isPort(port) || strings.ContainsAny(host, " /") {
			return "is not host:port"
		}
		return ""
	}, `such as "127.0.0.1:8080"`)
}

func (d *document) components(c *Config) reader {
	return d.each("component", func(id string, n *yaml.Node) {
		x := Component{ID: id}
		d.object(n, "component "+id,
			need("name", d.line(&x.Name)),
			may("description", d.text(&x.Description)),
			may("group", d.line(&x.Group)),
			may("probes", d.probes(&x.Probes)))
		c.Components = append(c.Components, x)
	})
}

func (d *document) cluster(id string, n *yaml.Node, c *Config) Cluster {
	x := Cluster{ID: id, Target: Target{Host: "127.0.0.1", Settings: map[string]string{}}}
	d.object(n, "cluster "+id,
		need("source", d.dsn("source", &x.Source)),
		need("target", d.target(&x.Target)),
		may("bin", d.list(func(n *yaml.Node) {
			var dir string
			d.absolute(&dir)(n)
			x.Bin = append(x.Bin, dir)
		})),
		may("run_as", d.line(&x.RunAs)),
		may("poolers", d.list(func(n *yaml.Node) {
			var name string
			d.oneOf(&name, "pooler", keys(c.Poolers))(n)
			if name != "" && slices.Contains(x.Poolers, name) {
				d.problem(n, "", "pooler %q is there twice", name)
			}
			x.Poolers = append(x.Poolers, name)
		})),
		may("jobs", d.number(&x.Jobs, 1, 64)),
		may("secret_hook", d.program(&x.SecretHook)))
	return x
}

func (d *document) target(into *Target) reader {
	return func(n *yaml.Node) {
		d.object(n, "target",
			need("data", d.absolute(&into.Data)),
			need("port", d.number(&into.Port, 1, 65535)),
			may("host", d.line(&into.Host)),
			may("socket_dir", d.absolute(&into.SocketDir)),
			may("settings", d.settings(into.Settings)))
	}
}
