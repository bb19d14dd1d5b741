package demo

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"github.com/lullhq/lull/internal/pgserver"
)

// files are the two files that a user writes, for this ground.
type files struct {
	Config, Plan string // their paths
	Page         string // address of the status page
}

// facts are what the files say of the ground.
type facts struct {
	Listen, SourcePort, TargetPort, PoolerPort string
	Secret, TargetData, PoolerConfig           string
	Sites                                      []Site
	Start, Zone, Allow, Health                 string
	To                                         int // the new major
}

// quote makes any text a YAML scalar: double-quoted ones have the escapes of Go's that are used here.
var quoted = template.FuncMap{"q": func(s string) string { return fmt.Sprintf("%q", s) }}

var configTemplate = template.Must(template.New("lull.yaml").Funcs(quoted).Parse(`# What there is.
organization: Example
author: Example Ops
store: lull.db
server: {listen: {{q .Listen}}}
notices: {private: [127.0.0.1/32]} # the sites are on this machine

components:
  app: {name: App, description: Where our users work}
  sites: {name: Sites, description: Our public pages}

clusters:
  main:
    source: {dsn: "host=127.0.0.1 port={{.SourcePort}} user=lull dbname=postgres", password_file: {{q .Secret}}}
    target: {data: {{q .TargetData}}, port: {{.TargetPort}}}
    poolers: [main]

poolers:
  main: {admin: "host=127.0.0.1 port={{.PoolerPort}} user=lull dbname=pgbouncer", password_file: {{q .Secret}}, config: {{q .PoolerConfig}}}

sites:
{{- range .Sites}}
  {{.Name}}: {repository: {{q .Repository}}, banner: _data/banner_notification.yml, url: {{q .URL}}, live_within: 1m}
{{- end}}
`))

var planTemplate = template.Must(template.New("plan.yaml").Funcs(quoted).Parse(`# What to do.
maintenance: postgres-{{.To}}
title: Database upgrade
summary: We move our database to PostgreSQL {{.To}}. Our sites stay up; the app pauses for less than a second.
window: {start: {{.Start}}, zone: {{.Zone}}, allow: {{.Allow}}}
components: {app: under_maintenance}
notices: [start, late, end]
steps:
  - banner: on
  - upgrade: {cluster: main, to: {{.To}}, seed: physical, budget: 20m}
  - check: {http: {{q .Health}}, expect: 200}
  - banner: off
`))

const (
	windowZone   = "Pacific/Auckland"
	windowAllow  = 30 * time.Minute
	wallLayout   = "2006-01-02 15:04"
	wantedListen = "127.0.0.1:8080"
)

// writeFiles writes lull.yaml and the plan. The window opens in the minute of now.
func (g *Ground) writeFiles(sites []Site, listen, healthURL string, now time.Time) (files, error) {
	zone, err := time.LoadLocation(windowZone)
	if err != nil {
		return files{}, fmt.Errorf("write the plan: %w", err)
	}
	f := facts{
		Listen: listen, SourcePort: fmt.Sprint(g.Source.Port), TargetPort: fmt.Sprint(g.Target.Port), PoolerPort: fmt.Sprint(g.Pooler.Port),
		Secret: g.relative(g.SecretFile(superuser)), TargetData: g.relative(g.Target.Data), PoolerConfig: g.relative(g.Pooler.Config()),
		Start: now.In(zone).Format(wallLayout), Zone: windowZone, To: g.Target.Major, Allow: fmt.Sprintf("%dm", int(windowAllow.Minutes())), Health: healthURL,
	}
	for _, s := range sites {
		s.Repository = g.relative(s.Repository)
		f.Sites = append(f.Sites, s)
	}
	out := files{Config: filepath.Join(g.Dir, "lull.yaml"), Plan: filepath.Join(g.Dir, "plan.yaml"), Page: "http://" + listen + "/"}
	if err := write(configTemplate, out.Config, f); err != nil {
		return out, err
	}
	return out, write(planTemplate, out.Plan, f)
}

// relative makes a path one that holds wherever the demo's folder is moved, if it lies in it.
func (g *Ground) relative(path string) string {
	if rel, err := filepath.Rel(g.Dir, path); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return path
}

func write(t *template.Template, path string, f facts) error {
	var out bytes.Buffer
	if err := t.Execute(&out, f); err != nil {
		return fmt.Errorf("write %s: %w", t.Name(), err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", t.Name(), err)
	}
	return nil
}

// freeListen is the address people know the status page by, or a free one when that is taken.
func freeListen() (string, error) {
	if l, err := net.Listen("tcp", wantedListen); err == nil {
		return wantedListen, l.Close()
	}
	ports, err := pgserver.FreePorts(1)
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(wantedListen, "8080") + fmt.Sprint(ports[0]), nil
}
