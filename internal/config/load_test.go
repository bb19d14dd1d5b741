package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/golden"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
)

func good(t testing.TB) *Config {
	t.Helper()
	c, err := Load("testdata/lull.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestProblems(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			problems := load(t, file)
			golden.Equal(t, filepath.Join("bad", strings.TrimSuffix(filepath.Base(file), ".yaml")+".golden"), problems.Error()+"\n")
			if strings.Contains(problems.Error(), "hunter2") {
				t.Error("a password is repeated")
			}
		})
	}
}

func load(t *testing.T, file string) Errors {
	t.Helper()
	var err error
	if strings.HasPrefix(filepath.Base(file), "plan-") {
		_, err = LoadPlan(file, good(t))
	} else {
		_, err = Load(file)
	}
	var problems Errors
	if !errors.As(err, &problems) {
		t.Fatalf("no problems but %v", err)
	}
	return problems
}

func TestLoad(t *testing.T) {
	t.Parallel()
	c := good(t)
	dir, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	in := func(s string) string { return filepath.Join(dir, s) }
	no := false
	want := &Config{
		File: "testdata/lull.yaml", Organization: "Example", Author: "Example Ops", Contact: "Example Ops on +64 9 555 0100", Store: Store{File: in("lull.db"), WorkDir: in("lull.db.work")},
		Server: Server{Listen: "127.0.0.1:8080", URL: "http://127.0.0.1:8080"},
		Components: []Component{{ID: "app", Name: "App", Description: "Where you work"}, {ID: "api", Name: "API", Probes: []Probe{{
			Kind: ProbeHTTP, Every: 10 * time.Second, Timeout: 5 * time.Second, Confirm: 2, Impact: maint.MajorOutage,
			HTTP: &HTTPProbe{URL: "https://api.example.com/health", Method: "GET", Expect: []Statuses{{200, 200}}, Certificate: 14 * 24 * time.Hour},
		}}}},
		Clusters: map[string]Cluster{"main": {
			ID: "main", RunAs: "postgres", Poolers: []string{"main"}, Jobs: 2,
			Bin: []string{"/usr/lib/postgresql/13/bin", "/usr/lib/postgresql/17/bin"},
			Target: Target{Data: in("pg17"), Host: "127.0.0.1", Port: 5417,
				Settings: map[string]string{"shared_buffers": "256MB", "autovacuum": "off"}},
		}},
		Poolers: map[string]Pooler{"main": {ID: "main", Gate: GatePgBouncer, Config: in("pgbouncer.ini")}},
		Sites: map[string]Site{
			"www":  {ID: "www", Repository: in("sites/www"), Banner: "_data/banner_notification.yml", URL: "http://127.0.0.1:4000/", Push: &no},
			"blog": {ID: "blog", Repository: in("sites/blog"), Banner: "_data/banner_notification.yml", URL: "http://127.0.0.1:4001/"},
		},
	}
	printed := cmp.FilterValues(func(a, b DSN) bool { return true }, cmp.Ignore())
	if diff := cmp.Diff(want, c, printed); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := c.Clusters["main"].Source.String(); got != "host=127.0.0.1 port=5413 user=lull dbname=postgres" {
		t.Errorf("source is %s", got)
	}
	if got, want := c.Clusters["main"].Source.passwordFile, in("secrets/lull"); got != want {
		t.Errorf("password file is %s, want %s", got, want)
	}
}

func TestLoadDefaults(t *testing.T) {
	t.Parallel()
	c, err := parseConfig("/srv/lull/lull.yaml", []byte("organization: Example\nserver: {listen: \"[::1]:9000\"}"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Store.File != "/srv/lull/lull.db" || c.Server.URL != "http://[::1]:9000" {
		t.Errorf("store %s, url %s", c.Store, c.Server.URL)
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"state/lull.db": "/srv/lull/state/lull.db",
		"postgres://lull@db.example.com/lull?sslmode=require": "user=lull host=db.example.com dbname=lull sslmode=require",
		"postgresql://lull:hunter2@db/lull":                   "user=lull password=*** host=db dbname=lull",
		"{dsn: host=db user=lull, password_file: secret}":     "host=db user=lull",
	} {
		c, err := parseConfig("/srv/lull/lull.yaml", []byte("organization: Example\nstore: "+text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		file := strings.HasPrefix(want, "/")
		if got := c.Store.String(); got != want || (c.Store.File != "") != file {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
		if work := "/srv/lull/lull.db.work"; !file && c.Store.WorkDir != work {
			t.Errorf("%s works in %s, want %s", text, c.Store.WorkDir, work)
		}
	}
}

func TestLoadPlan(t *testing.T) {
	t.Parallel()
	p, err := LoadPlan("testdata/plan.yaml", good(t))
	if err != nil {
		t.Fatal(err)
	}
	steps := []Step{
		{Kind: KindBanner, Name: "banner", Line: 8, Banner: &Banner{On: true}},
		{Kind: KindUpgrade, Name: "upgrade", Line: 9, Upgrade: &Upgrade{Cluster: "main", To: 17, Seed: SeedPhysical, Budget: 90 * time.Minute, HoldBudget: 2 * time.Second, HoldTries: 5, HoldPatience: 5 * time.Minute, OldestTransaction: time.Second, WayBack: true, LookBack: 7 * 24 * time.Hour}},
		{Kind: KindCheck, Name: "check", Line: 10, Check: &Check{HTTP: "https://app.example.com/health", Expect: 200, Budget: time.Minute}},
		{Kind: KindCheck, Name: "check-2", Line: 11, Check: &Check{HTTP: "https://app.example.com/login", Expect: 200, Budget: 30 * time.Second}},
		{Kind: KindCommand, Name: "command", Line: 12, Command: &Command{Run: []string{"systemctl", "reload", "app"}, Undo: []string{"systemctl", "restart", "app"}, Budget: time.Minute}},
		{Kind: KindConfirm, Name: "confirm", Line: 13, Confirm: &Confirm{Question: "Does the app look right?"}},
		{Kind: KindWait, Name: "wait", Line: 14, Wait: &Wait{For: 30 * time.Second}},
		{Kind: KindSQL, Name: "sql", Line: 15, SQL: &SQL{Cluster: "main", Database: "app", Query: "select count(*) > 0 from users", Expect: "t"}},
		{Kind: KindBanner, Name: "banner-2", Line: 16, Banner: &Banner{}},
	}
	if diff := cmp.Diff(steps, p.Steps); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	notices := []Notice{{Word: "14d", Days: 14}, {Word: "7d", Days: 7}, {Word: "1d", Days: 1}, {Word: "1h", Before: time.Hour}, {Word: "start"}, {Word: "late"}, {Word: "end"}}
	if diff := cmp.Diff(notices, p.Notices); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	phases := []maint.Phase{{Step: "upgrade", Title: "Upgrade", Budget: time.Hour}}
	public := maint.Scheduled{
		Title: "Database upgrade", Author: "Example Ops",
		Summary:    "We move our database to PostgreSQL 17. Your sites stay up; the app pauses for less than a second.",
		Window:     maint.Window{Start: "2026-12-05 17:00", Zone: "Pacific/Auckland", Allow: 2 * time.Hour},
		Components: map[string]maint.Impact{"app": maint.UnderMaintenance}, Phases: phases,
	}
	if diff := cmp.Diff(public, p.Scheduled(phases)); diff != "" {
		t.Errorf("scheduled (-want +got):\n%s", diff)
	}
}

func TestBake(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]Upgrade{
		"bake: 24h": {Bake: 24 * time.Hour},
		"bake: 1d12h, roll_back_if: {errors: 1%, p99: 3x}": {Bake: 36 * time.Hour, RollBackIf: RollBackIf{Errors: 0.01, P99: 3}},
		"bake: 1h, roll_back_if: {errors: 0.25%}":          {Bake: time.Hour, RollBackIf: RollBackIf{Errors: 0.0025}},
		`bake: 1h, may_refuse: [etl, "web@10.0.0.7"]`:      {Bake: time.Hour, MayRefuse: []string{"etl", "web@10.0.0.7"}},
		`bake: 1h, roll_back_if: {p99: "1.5x"}`:            {Bake: time.Hour, RollBackIf: RollBackIf{P99: 1.5}},
	} {
		text := "maintenance: m\ntitle: t\nsummary: s\nwindow: {start: 2026-12-05 17:00, zone: UTC, allow: 2h}\n" +
			"steps: [{upgrade: {cluster: main, to: 17, budget: 1h, " + line + "}}]"
		p, err := ParsePlan("plan.yaml", []byte(text), good(t))
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if got := p.Steps[0].Upgrade; got.Bake != want.Bake || got.RollBackIf != want.RollBackIf || !slices.Equal(got.MayRefuse, want.MayRefuse) {
			t.Errorf("%s is %s, %+v", line, got.Bake, got.RollBackIf)
		}
	}
}

func TestWALBudget(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]int64{"20GB": 20e9, "500 MB": 500e6, "2TB": 2e12} {
		text := "maintenance: m\ntitle: t\nsummary: s\nwindow: {start: 2026-12-05 17:00, zone: UTC, allow: 2h}\n" +
			"steps: [{upgrade: {cluster: main, to: 17, budget: 1h, wal_budget: " + written + "}}]"
		p, err := ParsePlan("plan.yaml", []byte(text), good(t))
		if err != nil || p.Steps[0].Upgrade.WALBudget != want {
			t.Errorf("%s: %+v, %v", written, p, err)
		}
	}
}

func TestStepBudgets(t *testing.T) {
	t.Parallel()
	p, err := LoadPlan("testdata/plan.yaml", good(t))
	if err != nil {
		t.Fatal(err)
	}
	var got []time.Duration
	for _, s := range p.Steps {
		got = append(got, s.Budget())
	}
	want := []time.Duration{0, 90 * time.Minute, time.Minute, 30 * time.Second, time.Minute, 0, 30 * time.Second, 0, 0}
	if !slices.Equal(got, want) {
		t.Errorf("budgets %v, want %v", got, want)
	}
}

func TestFileCannotBeRead(t *testing.T) {
	t.Parallel()
	large := filepath.Join(t.TempDir(), "lull.yaml")
	if err := os.WriteFile(large, make([]byte, maxBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"testdata/absent.yaml", "testdata", large} {
		_, err := Load(path)
		if err == nil || hint.Of(err) == "" {
			t.Errorf("%s: error %v, hint %q", path, err, hint.Of(err))
		}
	}
}

func TestParseDuration(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	for in, want := range map[string]time.Duration{
		"90m": 90 * time.Minute, "2h": 2 * time.Hour, "14d": 14 * day, "1d12h": 36 * time.Hour, "0d1s": time.Second, "500ms": 500 * time.Millisecond,
		"": 0, "14": 0, "d": 0, "1d-1h": 0, "1d1d": 0, "1h1d": 0, "1000d": 0, "1w": 0, "9999999999h": 0,
	} {
		got, err := ParseDuration(in)
		if (err == nil) != (want > 0) || err == nil && got != want {
			t.Errorf("%q is %s, %v; want %s", in, got, err, want)
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"budget", "cluster", "seed", "to"}
	for in, want := range map[string]string{
		"budgt": `did you mean "budget"?`, "budegt": `did you mean "budget"?`, "sed": `did you mean "seed"?`, "ot": `did you mean "to"?`,
		"": "keys: budget, cluster, seed, to", "quux": "keys: budget, cluster, seed, to", strings.Repeat("x", 1000): "keys: budget, cluster, seed, to",
	} {
		if got := nearest(in, known, "keys"); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestAcceptedPlans(t *testing.T) {
	t.Parallel()
	text := "maintenance: m\ntitle: t\nsummary: s\nwindow: {start: 2026-12-05 17:00, zone: UTC, allow: 2h}\n" +
		"steps: [{upgrade: {cluster: main, to: 17, budget: 1h, accept_plans: [{query: -7140212, by: Anna, why: a report that runs at night}]}}]"
	p, err := ParsePlan("plan.yaml", []byte(text), good(t))
	if err != nil {
		t.Fatal(err)
	}
	if want := []AcceptedPlan{{Query: -7140212, By: "Anna", Why: "a report that runs at night"}}; !slices.Equal(p.Steps[0].Upgrade.AcceptPlans, want) {
		t.Errorf("%+v", p.Steps[0].Upgrade.AcceptPlans)
	}
}
