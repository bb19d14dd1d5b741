package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	yaml "go.yaml.in/yaml/v4"

	"github.com/lullhq/lull/internal/hint"
)

const hunter = "hunter2"

func TestSecretNeverPrints(t *testing.T) {
	t.Parallel()
	s := NewSecret(hunter)
	type inside struct {
		Public  Secret
		private Secret
		dsn     DSN
		Pointer *Secret
	}
	v := inside{s, s, DSN{params: []param{{password, s}}}, &s}
	for _, x := range []any{s, &s, v, &v, []Secret{s}, map[string]Secret{"a": s}, fmt.Errorf("x: %v", s)} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%08.3f", "%T"} {
			if got := fmt.Sprintf(verb, x); leaks(got) {
				t.Errorf("%s of %T prints %s", verb, x, got)
			}
		}
	}
	j, err := json.Marshal(v)
	if err != nil || leaks(string(j)) || !strings.Contains(string(j), hidden) {
		t.Errorf("json %s, %v", j, err)
	}
	y, err := yaml.Marshal(map[string]Secret{"a": s})
	if err != nil || leaks(string(y)) {
		t.Errorf("yaml %s, %v", y, err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "a", s, "b", &s, "c", v)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "a", s, "b", &s, "c", v)
	if leaks(log.String()) {
		t.Errorf("slog %s", log.String())
	}
	if s.Reveal() != hunter {
		t.Error("the secret is lost")
	}
}

func leaks(s string) bool {
	return strings.Contains(s, hunter) || strings.Contains(strings.ToLower(s), fmt.Sprintf("%x", hunter))
}

func TestConninfo(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"host=h port=1 user=u dbname=d":              "host=h port=1 user=u dbname=d",
		" host = h  user=  u\t":                      "host=h user=u",
		"host='a b' user=o\\'neill":                  `host='a b' user='o\'neill'`,
		"host=h password='' user=u":                  "host=h user=u",
		"host=a host=b":                              "host=b",
		"password=p host=h":                          "host=h password=p",
		"host=h password='it''s'":                    "",
		"postgres://u:p@h:1/d?sslmode=require":       "user=u host=h port=1 dbname=d sslmode=require password=p",
		"postgresql://h":                             "host=h",
		"postgres://":                                "",
		"postgres:///d?host=/run/postgresql":         "dbname=d host=/run/postgresql",
		"postgres://%2Frun%2Fpostgresql/d":           "host=/run/postgresql dbname=d",
		"postgres://u@[::1]:5,b:6/d":                 "user=u host=::1,b port=5,6 dbname=d",
		"postgres://u:p%40%20s%27@h/d":               `user=u host=h dbname=d password='p@ s\''`,
		"postgres://h/d?application_name=a%26b":      `host=h dbname=d application_name='a&b'`,
		"host=h options='-c statement_timeout=0'":    `host=h options='-c statement_timeout=0'`,
		`host=h password=a\ b\\c`:                    `host=h password='a b\\c'`,
		"host=h password='x' application_name=''":    "host=h application_name='' password=x",
		"host=h user":                                "",
		"host='h":                                    "",
		"":                                           "",
		"h ost=x":                                    "",
		"postgres://h/d?x":                           "",
		"postgres://[::1/d":                          "",
		"postgres://u:%zz@h/d":                       "",
		"host=h\x00":                                 "",
		"postgres://h/d?pass%77ord=p":                "",
		"postgres://u:secret@h/d?password=other":     "user=u host=h dbname=d password=other",
		"host=h password=secret sslpassword=another": "",
	} {
		params, err := parseDSN(in)
		var got string
		if err == nil {
			var s Secret
			s, err = DSN{params: params}.Conninfo()
			got = s.Reveal()
		}
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v; want %q", in, got, err, want)
		}
		if err == nil {
			sameForDriver(t, in, got)
		}
	}
}

// sameForDriver asks a second reader of connection strings whether both forms mean the same.
func sameForDriver(t *testing.T, in, out string) {
	t.Helper()
	b, err := pgconn.ParseConfig(out)
	if err != nil {
		t.Errorf("the driver does not read %q: %v", out, err)
		return
	}
	a, err := pgconn.ParseConfig(in)
	if err != nil {
		return // an escaped host is libpq's alone
	}
	for _, pair := range [][2]any{{a.Host, b.Host}, {a.Port, b.Port}, {a.User, b.User}, {a.Password, b.Password}, {a.Database, b.Database},
		{fmt.Sprint(a.RuntimeParams), fmt.Sprint(b.RuntimeParams)}} {
		if pair[0] != pair[1] {
			t.Errorf("the driver reads %v in %q and %v in %q", pair[0], in, pair[1], out)
		}
	}
}

func TestRedacted(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"host=h password=hunter2 user=u":  "host=h password=*** user=u",
		"postgres://u:hunter2@h/d":        "user=u password=*** host=h dbname=d",
		"postgres://h/d?password=hunter2": "host=h dbname=d password=***",
		"hunter2":                         hidden,
		"host=h password='hunter2":        hidden,
		"":                                hidden,
	} {
		if got := Redacted(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

func TestEnvironmentAddsNoKeywords(t *testing.T) {
	t.Parallel()
	env := map[string]string{"PASS": "a b host=evil", "URL": "postgres://u:p@h/d", "EMPTY": "", "DOLLAR": "${PASS}"}
	for in, want := range map[string]string{
		"host=h password=${PASS}":              "host=h password='a b host=evil'",
		"postgres://u:${PASS}@h/d":             "user=u host=h dbname=d password='a b host=evil'",
		"${URL}":                               "user=u host=h dbname=d password=p",
		"host=h application_name=x${EMPTY}y":   "host=h application_name=xy",
		"host=h password=${DOLLAR}":            "host=h password='${PASS}'",
		"host=h password=$PASS user='{${URL}'": "host=h user='{postgres://u:p@h/d' password='$PASS'",
	} {
		d := &document{file: "lull.yaml", lookup: func(k string) (string, bool) { v, ok := env[k]; return v, ok }}
		var s DSN
		d.conninfo(&s)(&yaml.Node{Kind: yaml.ScalarNode, Value: in})
		got, err := s.Conninfo()
		if err != nil || d.err() != nil || got.Reveal() != want {
			t.Errorf("%q is %q, %v, %v; want %q", in, got.Reveal(), err, d.err(), want)
		}
	}
}

func TestPasswordFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, c := range []struct {
		name, content string
		mode          os.FileMode
		want, hint    string
	}{
		{"plain", "pass word\n", 0o600, "pass word", ""},
		{"read-only", "p'w\\", 0o400, `p'w\`, ""},
		{"windows", "pw\r\n", 0o600, "pw", ""},
		{"group", "pw\n", 0o640, "", "chmod 600 "},
		{"others", "pw\n", 0o604, "", "chmod 600 "},
		{"executable", "pw\n", 0o700, "", "chmod 600 "},
		{"empty", "\n", 0o600, "", "write the password as its one line"},
		{"two-lines", "pw\nhunter2\n", 0o600, "", "write the password as its one line"},
	} {
		path := filepath.Join(dir, c.name)
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		s := DSN{params: []param{{"host", NewSecret("h")}}, passwordFile: path}
		public, pass, err := s.Split()
		if pass.Reveal() != c.want || (err == nil) != (c.want != "") || !strings.HasPrefix(hint.Of(err), c.hint) {
			t.Errorf("%s: %q, %v, hint %q", c.name, pass.Reveal(), err, hint.Of(err))
		}
		if public != "host=h" {
			t.Errorf("%s: without its password the string is %q", c.name, public)
		}
		if err != nil && leaks(err.Error()) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for _, path := range []string{dir, filepath.Join(dir, "absent")} {
		if _, err := (DSN{passwordFile: path}).Conninfo(); err == nil || hint.Of(err) == "" {
			t.Errorf("%s: error %v, hint %q", path, err, hint.Of(err))
		}
	}
}

func TestChangedPasswordFileIsReadAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "password")
	s := DSN{passwordFile: path}
	for _, pass := range []string{"first", "second"} {
		if err := os.WriteFile(path, []byte(pass), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := s.Conninfo()
		if err != nil || got.Reveal() != "password="+pass {
			t.Errorf("%q, %v", got.Reveal(), err)
		}
	}
}
