package pgup_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/harden"
	"github.com/lullhq/lull/internal/roles"
	"github.com/lullhq/lull/internal/run"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// openToAll makes the source easier to break into than it has to be.
func (g *ground) openToAll(t *testing.T) {
	t.Helper()
	g.source.Exec(t, "postgres", `SET password_encryption = 'md5'`, `ALTER ROLE client PASSWORD 'client'`, `CREATE ROLE migrator LOGIN PASSWORD 'x'`)
	g.source.Exec(t, "app", `CREATE TABLE migrations (n int)`, `ALTER TABLE migrations OWNER TO migrator`,
		`CREATE FUNCTION rows() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM t'`)
	must(t, g.source.Owner.WriteFile(filepath.Join(g.source.Data, "pg_hba.conf"), []byte("local all all scram-sha-256\nhost replication all 127.0.0.1/32 scram-sha-256\nhost all all all md5\n")))
	g.source.Exec(t, "postgres", `SELECT pg_reload_conf()`)
}

// waiting tells when the run waits for clients to log in by SCRAM.
type waiting struct {
	facts
	once sync.Once
	came chan string
}

func (w *waiting) Progressed(p run.Progress) {
	if strings.Contains(p.Text, "log in by SCRAM") {
		w.once.Do(func() { w.came <- p.Text })
	}
}

// TestHardenedUpgrade makes the new server stricter on the way: who would be refused is named and keeps the
// upgrade from beginning, the switch waits for a client that still logs in by MD5, and there is a way back.
func TestHardenedUpgrade(t *testing.T) {
	whole(t)
	g := newGround(t)
	cert, key := pgtest.CertificateFiles(t)
	g.openToAll(t)
	g.spec.Harden = harden.Items{Checksums: true, TLS: &harden.TLS{Min: "TLSv1.3", Certificate: cert, Key: key}, SCRAM: true, RevokePublicCreate: true, StrictHBA: true, DefinerSearchPath: true, LogLogins: true}
	clients := g.clients(t, "app")
	defer clients.stop()
	err := g.run(t)
	for _, named := range []string{"client at 127.0.0.1", "its password is kept as MD5", "migrator (has made 1 objects in schema public)"} {
		if err == nil || !strings.Contains(err.Error(), named) {
			t.Errorf("%q is not named: %v", named, err)
		}
	}
	g.source.Exec(t, "app", `GRANT CREATE ON SCHEMA public TO migrator`)
	g.spec.AwaitSCRAM = true
	w := &waiting{facts: facts{t}, came: make(chan string, 1)}
	ended := make(chan error, 1)
	go func() {
		r := &run.Runner{Journal: g.journal, Log: &g.journal.Memory, Now: time.Now, Watch: w}
		ended <- r.Run(t.Context(), id, pgup.New(g.spec).Items())
	}()
	select {
	case text := <-w.came:
		if !strings.Contains(text, "client at 127.0.0.1") {
			t.Errorf("it waits for %s", text)
		}
	case err := <-ended:
		t.Fatalf("it did not wait: %v", err)
	}
	target := g.spec.Source.At("127.0.0.1", g.spec.Place.Port)
	g.toSCRAM(t, target)
	must(t, <-ended)
	g.isStrict(t, target)
	acked := clients.stop()
	g.keeps(t, 17, acked)
	must(t, g.carryOut(t, g.remembering(t).RollbackItems()))
	g.keeps(t, 13, acked)
}

// toSCRAM gives the clients' role the same password in another form, on both servers and in the pooler's file,
// while clients work.
func (g *ground) toSCRAM(t *testing.T, target cluster.Endpoint) {
	t.Helper()
	r := roles.Rotation{Servers: []cluster.Endpoint{g.spec.Source, target}, Poolers: g.spec.Poolers, Hand: func(context.Context, roles.Secret) error { return nil }}
	done, err := r.Do(t.Context(), "client", "client")
	if err != nil || done.Servers != 2 || len(done.Poolers) != 1 {
		t.Errorf("%+v, %v", done, err)
	}
}

// isStrict looks at the new server as its clients do, and at what is on record.
func (g *ground) isStrict(t *testing.T, target cluster.Endpoint) {
	t.Helper()
	conn := connectTo(t, target, "app")
	var checksums, tls, encryption, logins string
	must(t, conn.QueryRow(t.Context(), `SELECT current_setting('data_checksums'), current_setting('ssl_min_protocol_version'), current_setting('password_encryption'), current_setting('log_connections')`).
		Scan(&checksums, &tls, &encryption, &logins))
	if checksums != "on" || tls != "TLSv1.3" || encryption != "scram-sha-256" || logins != "on" {
		t.Errorf("checksums %s, TLS %s, new passwords %s, logins %s", checksums, tls, encryption, logins)
	}
	if _, err := g.through(t, "app").Exec(t.Context(), `CREATE TABLE mine ()`); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("a client makes a table in public: %v", err)
	}
	if _, err := g.through(t, "app").Exec(t.Context(), `SELECT rows()`); err != nil {
		t.Error(err)
	}
	history, err := g.journal.History(t.Context(), id)
	must(t, err)
	var audited *maint.Audited
	for _, e := range history {
		if a, ok := e.Event.(maint.Audited); ok {
			audited = &a
		}
	}
	if audited == nil {
		t.Fatal("what was open before and after is not on record")
	}
	found := func(list []maint.Weakness, check string) bool {
		return slices.ContainsFunc(list, func(w maint.Weakness) bool { return w.ID == check })
	}
	for _, check := range []string{"checksums-off", "public-create", "definer-search-path", "hba-md5", "tls-off", "log-connections"} {
		if !found(audited.Before, check) || found(audited.After, check) {
			t.Errorf("%s: found before %v, after %v", check, found(audited.Before, check), found(audited.After, check))
		}
	}
}

// TestHardenIsHeldAgainstTheSource finds before anything is made what stands in the way of the list, and who would be refused.
func TestHardenIsHeldAgainstTheSource(t *testing.T) {
	t.Parallel()
	g := newGround(t)
	g.openToAll(t)
	g.through(t, "app")
	found := func() map[string]string {
		t.Helper()
		out := map[string]string{}
		all, err := pgup.New(g.spec).Check(t.Context())
		must(t, err)
		for _, f := range all {
			out[string(f.Severity)+" "+f.ID] += f.Text
		}
		return out
	}
	cert, key := pgtest.CertificateFiles(t)
	other, _ := pgtest.CertificateFiles(t)
	for name, c := range map[string]struct {
		items harden.Items
		await bool
		may   []string
		want  []string
	}{
		"no TLS":      {items: harden.Items{StrictHBA: true}, want: []string{"blocker harden-tls"}},
		"another key": {items: harden.Items{TLS: &harden.TLS{Min: "TLSv1.2", Certificate: other, Key: key}}, want: []string{"blocker harden-certificate"}},
		"good TLS":    {items: harden.Items{TLS: &harden.TLS{Min: "TLSv1.2", Certificate: cert, Key: key}, StrictHBA: true}},
		"MD5":         {items: harden.Items{SCRAM: true}, want: []string{"blocker refused-clients"}},
		"MD5, waited": {items: harden.Items{SCRAM: true}, await: true, want: []string{"warning refused-clients"}},
		"MD5, may":    {items: harden.Items{SCRAM: true}, may: []string{"client"}, want: []string{"note refused-clients"}},
		"makers":      {items: harden.Items{RevokePublicCreate: true}, want: []string{"blocker refused-creators"}},
		"makers, may": {items: harden.Items{RevokePublicCreate: true}, may: []string{"migrator"}, want: []string{"note refused-creators"}},
	} {
		g.spec.Harden, g.spec.AwaitSCRAM, g.spec.MayRefuse = c.items, c.await, c.may
		got := found()
		for _, id := range []string{"harden-tls", "harden-certificate", "refused-clients", "refused-creators"} {
			for _, severity := range []string{"blocker", "warning", "note"} {
				key := severity + " " + id
				if _, is := got[key]; is != slices.Contains(c.want, key) {
					t.Errorf("%s: %s is found: %v, %s", name, key, is, got[key])
				}
			}
		}
	}
	must(t, g.source.Owner.WriteFile(filepath.Join(g.source.Data, "pg_hba.conf"), []byte("include_if_exists more.conf\nhost all all all md5\n")))
	g.spec.Harden, g.spec.MayRefuse = harden.Items{SCRAM: true}, []string{"client"}
	if got := found(); got["blocker harden-rules"] == "" {
		t.Errorf("rules in another file are rewritten: %v", got)
	}
}
