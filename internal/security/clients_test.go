package security

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/serverlog"
)

func TestRefuses(t *testing.T) {
	t.Parallel()
	far, near := "10.0.0.7", "127.0.0.1"
	md5, trust := []string{"md5"}, []string{"trust", "md5"}
	for _, c := range []struct {
		client Client
		ways   []string
		want   string
	}{
		{Client{Address: far, TLS: "TLSv1.3", Verifier: "scram-sha-256"}, md5, ""},
		{Client{Address: near, Verifier: "scram-sha-256"}, md5, ""},
		{Client{Address: far, Verifier: "scram-sha-256"}, md5, "without TLS"},
		{Client{Address: far, TLS: "TLSv1.1", Verifier: "scram-sha-256"}, md5, "with TLSv1.1"},
		{Client{Address: near, TLS: "TLSv1.2", Verifier: "md5"}, md5, "its password is kept as MD5"},
		{Client{Address: near, TLS: "TLSv1.2", Verifier: "md5"}, []string{"cert"}, ""},
		{Client{Address: near, Verifier: "scram-sha-256"}, []string{"ident"}, "it may come in by ident, without its password"},
		{Client{Address: near, Verifier: "none"}, trust, "it has no password, and comes in by trust"},
		{Client{Address: near, Verifier: "scram-sha-256"}, trust, "it may come in by trust, without its password"},
		{Client{Address: near, Verifier: "none"}, []string{"cert"}, ""},
		{Client{Address: far, Verifier: "md5"}, md5, "without TLS, its password is kept as MD5"},
	} {
		if got := Strictest.Refuses(c.client, c.ways); got != c.want {
			t.Errorf("%+v: %q, want %q", c.client, got, c.want)
		}
		if got := (Rules{}).Refuses(c.client, c.ways); got != "" {
			t.Errorf("%+v is refused by no rule: %q", c.client, got)
		}
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	list := []Client{
		{User: "etl", Address: "10.0.0.7", Application: "loader", Now: true}, {User: "web", Address: "10.0.0.8"}, {User: "web", Address: "10.0.0.9"},
		{User: "fine", Address: "10.0.0.7", TLS: "TLSv1.3"},
	}
	found := Strictest.judge(list, nil, []string{"etl", "web@10.0.0.9"})
	var got []string
	for _, f := range found {
		got = append(got, fmt.Sprintf("%s: %s", f.Severity, f.Text))
	}
	want := []string{
		"blocker: Clients of today would be refused by strict rules: web at 10.0.0.8 (without TLS, by the log).",
		"note: Clients of today would be refused by strict rules: etl at 10.0.0.7 as loader (without TLS), web at 10.0.0.9 (without TLS, by the log).",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLogins(t *testing.T) {
	t.Parallel()
	const authorized = "LOG:  connection authorized: user=web app database=app application_name=my app SSL enabled (protocol=TLSv1.2, cipher=ECDHE, bits=256)"
	want := []Client{{User: "web app", Address: "10.0.0.7", Application: "my app", TLS: "TLSv1.2"}}
	for prefix, log := range map[string]string{
		"%m [%p] ":             "2026-11-26 00:00:00.1 UTC [42] LOG:  connection received: host=10.0.0.7 port=5\n2026-11-26 00:00:00.2 UTC [42] " + authorized + "\n",
		"%t:%r:%u@%d:[%p]: ":   "2026-11-26 00:00:00 UTC:10.0.0.7(5):web app@app:[42]: " + authorized + "\n",
		"%m [%p] %q%u@%d %h ":  "2026-11-26 00:00:00 UTC [42] web app@app 10.0.0.7 " + authorized + "\n2026-11-26 00:00:00 UTC [43] LOG:  checkpoint\n",
		"<%-8p> %Z%% %c.%5l: ": "<42      > x% 65f.2a.    3: LOG:  connection received: host=10.0.0.7 port=5\n<42      > x% 65f.2a.    4: " + authorized + "\n",
	} {
		if diff := cmp.Diff(want, logins(serverlog.Log{Form: serverlog.Stderr, Prefix: prefix, Text: []byte(log)})); diff != "" {
			t.Errorf("%s: %s", prefix, diff)
		}
	}
	plain := "[7] LOG:  connection received: host=10.0.0.8 port=5\n[8] LOG:  connection received: host=[local]\n" +
		"[7] LOG:  connection authorized: user=a database=b\n[8] LOG:  connection authorized: user=c database=b\n" +
		"[7] LOG:  replication connection authorized: user=r application_name=standby SSL enabled (protocol=TLSv1.3, cipher=x, bits=256, compression=off)\n" +
		"[9] LOG:  connection authorized: user=nobody-knows-from-where database=b\n"
	want = []Client{{User: "a", Address: "10.0.0.8"}, {User: "r", Address: "10.0.0.8", Application: "standby", TLS: "TLSv1.3"}}
	if diff := cmp.Diff(want, logins(serverlog.Log{Form: serverlog.Stderr, Prefix: "[%p] ", Text: []byte(plain)})); diff != "" {
		t.Error(diff)
	}
}

func FuzzLogins(f *testing.F) {
	f.Add("[7] LOG:  connection received: host=10.0.0.8 port=5\n[7] LOG:  connection authorized: user=a database=b\n", "[%p] ")
	f.Add(csvLogins, "")
	f.Add(jsonLogins, "")
	f.Add("LOG:  connection authorized: user=", "%-5m%q%%%h(%")
	f.Fuzz(func(t *testing.T, text, prefix string) {
		for _, form := range []serverlog.Form{serverlog.Stderr, serverlog.CSV, serverlog.JSON} {
			for _, c := range logins(serverlog.Log{Form: form, Prefix: prefix, Text: []byte(text)}) {
				if c.Address == "" {
					t.Errorf("%q with %q gave %+v", text, prefix, c)
				}
			}
		}
	})
}

// As 17 writes them.
const (
	csvLogins = `a","b
2026-11-26 03:00:00.001 UTC,"web app","app",42,"10.0.0.7:5",65f.2a,1,"authentication",2026-11-26 03:00:00 UTC,3/1,0,LOG,00000,"connection authenticated: identity=""web app"" method=md5 (/data/pg_hba.conf:7)",,,,,,,,,"","client backend",,0
2026-11-26 03:00:00.002 UTC,"web app","app",42,"10.0.0.7:5",65f.2a,2,"authentication",2026-11-26 03:00:00 UTC,3/1,0,LOG,00000,"connection authorized: user=web app database=app application_name=my app SSL enabled (protocol=TLSv1.2, cipher=ECDHE, bits=256)",,,,,,,,,"my app","client backend",,0
2026-11-26 03:00:00.003 UTC,"web app","app",42,"10.0.0.7:5",65f.2a,3,"SELECT",2026-11-26 03:00:00 UTC,3/1,0,ERROR,42601,"no such ""x""
LOG:  connection authorized: user=fake database=b",,,,,,"SELECT
1",,,"my app","client backend",,0
2026-11-26 03:00:00.004 UTC,"c","b",43,"[local]",65f.2b,1,"authentication",2026-11-26 03:00:00 UTC,3/1,0,LOG,00000,"connection authorized: user=c database=b",,,,,,,,,"","client backend",,0
`
	jsonLogins = `"x":1}
{"timestamp":"2026-11-26 03:00:00.001 UTC","pid":42,"remote_host":"10.0.0.7","remote_port":5,"error_severity":"LOG","message":"connection authenticated: identity=\"web app\" method=md5 (/data/pg_hba.conf:7)"}
{"timestamp":"2026-11-26 03:00:00.002 UTC","user":"web app","pid":42,"remote_host":"10.0.0.7","remote_port":5,"error_severity":"LOG","message":"connection authorized: user=web app database=app application_name=my app SSL enabled (protocol=TLSv1.2, cipher=ECDHE, bits=256)"}
{"pid":43,"remote_host":"[local]","error_severity":"LOG","message":"connection authorized: user=c database=b"}
`
)

func TestLoginsOfOtherForms(t *testing.T) {
	t.Parallel()
	want := []Client{{User: "web app", Address: "10.0.0.7", Application: "my app", TLS: "TLSv1.2", Method: "md5"}}
	for form, text := range map[serverlog.Form]string{serverlog.CSV: csvLogins, serverlog.JSON: jsonLogins} {
		if diff := cmp.Diff(want, logins(serverlog.Log{Form: form, Text: []byte(text)})); diff != "" {
			t.Errorf("%s: %s", form, diff)
		}
	}
}

// TestRefused has a client that would be refused on a real server: while it is there, and after it went.
func TestRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		major int
		form  serverlog.Form
	}{{13, serverlog.Stderr}, {13, serverlog.CSV}, {17, serverlog.Stderr}, {17, serverlog.CSV}, {17, serverlog.JSON}} {
		major := c.major
		t.Run(fmt.Sprint(major, " ", c.form), func(t *testing.T) {
			t.Parallel()
			s := pgtest.Start(t, major, pgtest.Options{Settings: map[string]string{"log_connections": "on", "logging_collector": "on", "log_directory": "log", "log_destination": string(c.form)}})
			s.Exec(t, "postgres", `SET password_encryption = 'md5'`, `CREATE ROLE etl LOGIN PASSWORD 'Kah7'`, `SET password_encryption = 'scram-sha-256'`, `CREATE ROLE web LOGIN PASSWORD 'Kah7'`)
			allow(t, s, "etl", "md5")
			for _, role := range []string{"etl", "web"} {
				conn, err := pgx.Connect(t.Context(), s.Server.DSN("postgres", role)+" password=Kah7 application_name=nightly")
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = conn.Close(context.Background()) })
				if role == "etl" {
					mustRefuse(t, s, nil, checks.Blocker, "etl at 127.0.0.1 as nightly (its password is kept as MD5)")
					_ = conn.Close(t.Context())
				}
			}
			mustRefuse(t, s, nil, checks.Blocker, "etl at 127.0.0.1 as nightly (its password is kept as MD5, by the log)")
			mustRefuse(t, s, []string{"etl@127.0.0.1"}, checks.Note, "by the log)")
		})
	}
}

// allow lets a role in by another method, by a rule before all others.
func allow(t *testing.T, s *pgtest.Server, role, method string) {
	t.Helper()
	line := fmt.Sprintf("host all %s 127.0.0.1/32 %s\n", role, method)
	prepend(t, s, line)
	s.Exec(t, "postgres", `SELECT pg_reload_conf()`)
	awaitLogin(t, s, role)
}

func mustRefuse(t *testing.T, s *pgtest.Server, accepted []string, severity checks.Severity, text string) {
	t.Helper()
	e := cluster.Endpoint{Conninfo: s.Server.DSN("postgres", pgtest.Superuser), Password: s.Password}
	until := deadline(t)
	for { // a session that has ended is there a moment longer, and its log may not be written yet
		found, said, err := Refused(t.Context(), e, Strictest, Lately, accepted)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(said, "the log of the last 7 days") {
			t.Fatalf("the log was not read: %s", said)
		}
		if len(found) == 1 && found[0].Severity == severity && strings.Contains(found[0].Text, text) && !strings.Contains(found[0].Text, "web") {
			return
		}
		until(fmt.Sprintf("%q is not found: %+v", text, found))
	}
}

// A client that comes from an address that is not the loopback's, in the clear, is told by that address.
func TestPlaintextFromAfar(t *testing.T) {
	t.Parallel()
	address := ownAddress(t)
	s := pgtest.Start(t, 17, pgtest.Options{})
	prepend(t, s, fmt.Sprintf("host all all %s/32 scram-sha-256\n", address))
	s.Exec(t, "postgres", `CREATE ROLE web LOGIN PASSWORD 'Kah7'`, `SELECT pg_reload_conf()`)
	conn := dialFrom(t, s, address)
	defer func() { _ = conn.Close(t.Context()) }()
	list, _, err := Clients(t.Context(), s.Connect(t, "postgres"), Lately)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(list, func(c Client) bool { return c.Address == address })
	if at < 0 || Strictest.Refuses(list[at], nil) != "without TLS" {
		t.Errorf("got %+v", list)
	}
}

// ownAddress is one of this machine's that is not the loopback's.
func ownAddress(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if ip, ok := a.(*net.IPNet); ok && !ip.IP.IsLoopback() && ip.IP.To4() != nil {
			return ip.IP.String()
		}
	}
	t.Skip("this machine has no address but the loopback's")
	return ""
}
