package harden

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

const password = "Kah7-quoo9-eeV2"

// newTarget is a server on which everything is open that the list closes.
func newTarget(t *testing.T, hba string) (*pgtest.Server, Target) {
	t.Helper()
	s := pgtest.Start(t, 17, pgtest.Options{Databases: []string{"app", "shop"}, Settings: map[string]string{"password_encryption": "md5", "ssl_min_protocol_version": "TLSv1"}})
	s.Exec(t, "postgres", `CREATE ROLE old LOGIN PASSWORD '`+password+`'`, `SET password_encryption = 'scram-sha-256'`, `CREATE ROLE web LOGIN PASSWORD '`+password+`'`, `ALTER SYSTEM RESET password_encryption`)
	s.Exec(t, "app", `GRANT CREATE ON SCHEMA public TO PUBLIC`, `CREATE SCHEMA api`, `CREATE TABLE things (id int)`,
		`CREATE FUNCTION api.count() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM things'`,
		`CREATE FUNCTION api.mine() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = public AS 'SELECT 1'`,
		`CREATE FUNCTION api.none() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = '' AS 'SELECT 1'`,
		`CREATE FUNCTION api.caller() RETURNS int LANGUAGE sql AS 'SELECT 1'`)
	target := Target{Owner: s.Owner, Data: s.Data, Address: fmt.Sprintf("127.0.0.1:%d", s.Port),
		Endpoint: cluster.Endpoint{Conninfo: s.Server.DSN("postgres", pgtest.Superuser), Password: s.Password}}
	if err := s.Owner.WriteFile(target.hbaFile(), []byte(hba)); err != nil {
		t.Fatal(err)
	}
	s.Exec(t, "postgres", `SELECT pg_reload_conf()`)
	return s, target
}

const openRules = "# Ours.\nlocal all all scram-sha-256\nhost all old all md5 # the old one\nhost all all 127.0.0.1/32 scram-sha-256\nhost all all 0.0.0.0/0 trust\n"

// login tries to get in as somebody would, from an address of this machine.
func login(t *testing.T, s *pgtest.Server, role, mode string, from net.IP) error {
	t.Helper()
	cfg, err := pgx.ParseConfig(s.Server.DSN("app", role) + " password=" + password + " sslmode=" + mode)
	if err != nil {
		t.Fatal(err)
	}
	if from != nil {
		cfg.DialFunc = (&net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}).DialContext
	}
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	if err == nil {
		err = conn.Close(t.Context())
	}
	return err
}

func whole(t *testing.T) Items {
	cert, key := pgtest.CertificateFiles(t)
	return Items{TLS: &TLS{Min: "TLSv1.3", Certificate: cert, Key: key}, SCRAM: true, RevokePublicCreate: true, StrictHBA: true, DefinerSearchPath: true, LogLogins: true}
}

// state is all that the list changes.
func state(t *testing.T, s *pgtest.Server) string {
	t.Helper()
	var out string
	conn := s.Connect(t, "app")
	defer func() { _ = conn.Close(t.Context()) }()
	err := conn.QueryRow(t.Context(), `SELECT concat_ws(E'\n', (SELECT string_agg(oid::regprocedure || ' ' || coalesce(proconfig::text, ''), ', ' ORDER BY proname) FROM pg_proc WHERE pronamespace = 'api'::regnamespace),
		(SELECT string_agg(nspname || nspacl::text, ', ') FROM pg_namespace WHERE nspname = 'public'),
		(SELECT string_agg(name || setting, ', ' ORDER BY name) FROM pg_file_settings WHERE sourcefile ~ 'auto.conf'), pg_read_file('pg_hba.conf'))`).Scan(&out)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestHarden puts the whole list in force and comes as those do whom it is to keep out. Then everything is taken back.
func TestHarden(t *testing.T) {
	t.Parallel()
	s, target := newTarget(t, openRules)
	was, want := state(t, s), whole(t)
	var before Before
	keep := func(context.Context, Before) error { return nil }
	if err := target.Apply(t.Context(), want, &before, keep); err != nil {
		t.Fatal(err)
	}
	t.Log(before.Evidence())
	if missing, err := target.Look(t.Context(), want, before); err != nil || len(missing) > 0 {
		t.Fatalf("missing: %q, %v", missing, err)
	}
	far := elsewhere()
	for _, c := range []struct {
		role, mode string
		from       net.IP
		refused    string
	}{
		{"web", "disable", nil, ""}, {"web", "require", nil, ""}, {"old", "disable", nil, "password authentication failed"},
		{"web", "disable", far, "no pg_hba.conf entry"}, {"web", "require", far, ""}, {"old", "require", far, "password authentication failed"},
	} {
		if c.from == nil && c.mode == "require" && far == nil {
			continue
		}
		err := login(t, s, c.role, c.mode, c.from)
		if (err == nil) != (c.refused == "") || err != nil && !strings.Contains(err.Error(), c.refused) {
			t.Errorf("%s from %s with sslmode=%s: %v, want %q", c.role, c.from, c.mode, err, c.refused)
		}
	}
	s.Exec(t, "app", `DO $$ BEGIN IF api.count() <> 0 THEN RAISE 'wrong'; END IF; END $$`)
	less := Items{LogLogins: true}
	if err := target.Apply(t.Context(), less, &before, keep); err != nil {
		t.Fatal(err)
	}
	if now := state(t, s); !strings.Contains(now, "log_connectionson") || strings.Contains(now, "pg_temp") || strings.Contains(now, "ssl_cert_file") || !strings.HasSuffix(now, openRules) {
		t.Errorf("with a shorter list it is\n%s", now)
	}
	if err := target.Undo(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	if now := state(t, s); now != was {
		t.Errorf("it was\n%s\nand is\n%s", was, now)
	}
}

// TestHardenCutOff ends the work at each write of what takes it back, before and after it is on disk. What follows
// puts the list in force all the same, or takes back what there is of it.
func TestHardenCutOff(t *testing.T) {
	t.Parallel()
	s, target := newTarget(t, openRules)
	was, want := state(t, s), whole(t)
	cut := errors.New("cut off")
	for n := 1; ; n++ {
		for _, persisted := range []bool{false, true} {
			var kept, before Before
			at := 0
			keep := func(_ context.Context, b Before) error {
				if at++; at == n {
					if persisted {
						kept = clone(b)
					}
					return cut
				}
				kept = clone(b)
				return nil
			}
			err := target.Apply(t.Context(), want, &before, keep)
			if err == nil {
				if n < 4 {
					t.Errorf("kept %d times only", at)
				}
				return
			}
			if !errors.Is(err, cut) {
				t.Fatal(err)
			}
			if n%2 == 0 { // carries on before it goes back
				again := clone(kept)
				if err := target.Apply(t.Context(), want, &again, func(_ context.Context, b Before) error { kept = clone(b); return nil }); err != nil {
					t.Fatalf("carry on after write %d: %v", n, err)
				}
			}
			if err := target.Undo(t.Context(), kept); err != nil {
				t.Fatalf("go back after write %d: %v", n, err)
			}
			if now := state(t, s); now != was {
				t.Fatalf("after write %d, persisted %v, it was\n%s\nand is\n%s", n, persisted, was, now)
			}
		}
	}
}

func clone(b Before) Before {
	b.Settings, b.Back, b.Tried = slices.Clone(b.Settings), slices.Clone(b.Back), slices.Clone(b.Tried)
	return b
}

// TestLockedOut has Lull's own password kept as MD5: the new rules would keep it out, and are taken back.
func TestLockedOut(t *testing.T) {
	t.Parallel()
	s, target := newTarget(t, "local all all scram-sha-256\nhost all all all md5\n")
	s.Exec(t, "postgres", `SET password_encryption = 'md5'`, `ALTER ROLE `+pgtest.Superuser+` PASSWORD '`+s.Password+`'`)
	var before Before
	err := target.Apply(t.Context(), Items{SCRAM: true}, &before, func(context.Context, Before) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "lull itself cannot log in") {
		t.Fatal(err)
	}
	if _, err := target.Look(t.Context(), Items{SCRAM: true}, before); err != nil {
		t.Error(err)
	}
}

// TestBodyThatFindsNothing refuses a path by which a function does not find its table.
func TestBodyThatFindsNothing(t *testing.T) {
	t.Parallel()
	s, target := newTarget(t, openRules)
	s.Exec(t, "app", `CREATE SCHEMA far`, `CREATE TABLE far.stars (id int)`, `SET search_path = far`,
		`CREATE FUNCTION api.stars() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM stars'`)
	var before Before
	err := target.Apply(t.Context(), Items{RevokePublicCreate: true, DefinerSearchPath: true}, &before, func(context.Context, Before) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "api.stars()") {
		t.Error(err)
	}
}
