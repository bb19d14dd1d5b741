package pgbouncer

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/golden"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup/gate"
)

var target = gate.Addr{Host: "127.0.0.1", Port: 5417}

// onSource stands for a server with port 5413 on this machine.
func onSource(a gate.Addr) bool {
	return a.Port == 5413 && (a.Host == "" || a.Host == "127.0.0.1" || a.Host == "localhost" || a.Host[0] == '/')
}

func TestRedirectGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.ini")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			in, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := redirect(in, onSource, target)
			if err != nil {
				t.Fatal(err)
			}
			golden.Equal(t, filepath.Base(file)+".golden", string(got))
		})
	}
}

func TestRedirectEntry(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in, want string
	}{
		{"plain", "app = host=127.0.0.1 port=5413", "app = host=127.0.0.1 port=5417"},
		{"no blanks", "app=host=localhost port=5413", "app=host=127.0.0.1 port=5417"},
		{"order and comments kept", "; x\n app  =  port=5413   dbname=a host=127.0.0.1  \n# y", "; x\n app  =  port=5417   dbname=a host=127.0.0.1  \n# y"},
		{"elsewhere", "app = host=10.0.0.9 port=5413", "app = host=10.0.0.9 port=5413"},
		{"other port", "app = host=127.0.0.1 port=5432", "app = host=127.0.0.1 port=5432"},
		{"default port is 5432", "app = host=127.0.0.1", "app = host=127.0.0.1"},
		{"fallback", "* = host=127.0.0.1 port=5413", "* = host=127.0.0.1 port=5417"},
		{"quoted name", "'my app' = host=127.0.0.1 port=5413", "'my app' = host=127.0.0.1 port=5417"},
		{"quoted values", "app = host='127.0.0.1' port='5413' password='a''b host=127.0.0.1'", "app = host='127.0.0.1' port=5417 password='a''b host=127.0.0.1'"},
		{"quoted host", "app = host='localhost' port=5413", "app = host=127.0.0.1 port=5417"},
		{"socket folder", "app = host=/run/pg port=5413", "app = host=127.0.0.1 port=5417"},
		{"no host", "app = port=5413 user=x", "app = port=5417 user=x host=127.0.0.1"},
		{"last one counts", "app = host=a host=127.0.0.1 port=1 port=5413", "app = host=a host=127.0.0.1 port=1 port=5417"},
		{"list of the same", "app = host=127.0.0.1,localhost port=5413", "app = host=127.0.0.1 port=5417"},
		{"carriage return", "app = port=5413\r\n", "app = port=5417 host=127.0.0.1\r\n"},
		{"value behind a quote", "app = password='x'_host=127.0.0.1 port=5413", "app = password='x'_host=127.0.0.1 port=5417"},
		{"host in another key", "app = auth_user=host=127.0.0.1 port=5413 host=10.0.0.9", "app = auth_user=host=127.0.0.1 port=5413 host=10.0.0.9"},
		{"no line end", "app = host=127.0.0.1 port=5413", "app = host=127.0.0.1 port=5417"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out, _, err := redirect([]byte("[databases]\n"+tt.in), onSource, target)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff("[databases]\n"+tt.want, string(out)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRedirectInsertsPort(t *testing.T) {
	t.Parallel()
	at := func(a gate.Addr) bool { return a.Port == 5432 }
	out, names, err := redirect([]byte("[databases]\napp = dbname=app\n"), at, gate.Addr{Host: "/run/my pg", Port: 5417})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("[databases]\napp = dbname=app host='/run/my pg' port=5417\n", string(out)); diff != "" {
		t.Error(diff)
	}
	if !slices.Equal(names, []string{"app"}) {
		t.Errorf("names are %q", names)
	}
}

func TestRedirectRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"[databases]\napp = host=127.0.0.1,10.0.0.9 port=5413": "line 2: database \"app\" lists several hosts, and not all are the server under upgrade",
		"[databases]\napp host=x":                              "line 2: expected = after \"app\"",
		"[databases]\napp = host":                              "line 2: database \"app\": expected key=value",
		"[databases]\napp = host='x":                           "line 2: database \"app\": quote without end",
		"[databases]\napp = host=":                             "line 2: database \"app\": host has no value",
		"[databases]\napp = port=five":                         "line 2: database \"app\": port \"five\" is not a number",
		"\n[databases":                                         "line 2: section without ]",
		"'x = 1":                                               "line 1: quoted key without end or content",
		"[databases]\x00":                                      "line 1: a zero byte ends the file for pgbouncer",
	}
	for in, want := range tests {
		_, _, err := redirect([]byte(in), onSource, target)
		if err == nil || err.Error() != want {
			t.Errorf("%q: error is %v, want %s", in, err, want)
		}
		if errors.Is(err, errHostList) && hint.Of(err) == "" {
			t.Errorf("%q: no hint", in)
		}
	}
	for _, host := range []string{"", "a,b", "a\nb"} {
		if _, _, err := redirect(nil, onSource, gate.Addr{Host: host, Port: 1}); err == nil {
			t.Errorf("host %q is accepted", host)
		}
	}
}

// FuzzRedirect holds that what was edited reads the same but for host and port of the
// entries that pointed at the source, and that a second edit changes nothing.
func FuzzRedirect(f *testing.F) {
	for _, s := range []string{
		"[databases]\napp = host=127.0.0.1 port=5413 dbname=a\n* = port=5413\n[pgbouncer]\nlisten_port = 5413",
		"[databases]\r\n'a b'=password='x''y' host='localhost' port=5413\r\n%include x\n;c\n",
		"[a][databases]x=host=/s port=5413 port = '5413' host = 127.0.0.1",
	} {
		f.Add([]byte(s), "127.0.0.1", 5417)
		f.Add([]byte(s), "/run/it's here", 5432)
	}
	f.Fuzz(func(t *testing.T, in []byte, host string, port int) {
		to := gate.Addr{Host: host, Port: port}
		out, names, err := redirect(in, onSource, to)
		if err != nil {
			return
		}
		before, after := readAll(t, in), readAll(t, out)
		if diff := cmp.Diff(expect(before, to), after, cmp.AllowUnexported(item{})); diff != "" {
			t.Errorf("%q became %q: %s", in, out, diff)
		}
		if len(names) == 0 && string(in) != string(out) {
			t.Errorf("%q was changed to %q", in, out)
		}
		if onSource(to) {
			return
		}
		if again, names, err := redirect(out, onSource, to); err != nil || len(names) > 0 || string(again) != string(out) {
			t.Errorf("a second edit of %q gives %q, %q, %v", out, again, names, err)
		}
	})
}

// item is a setting taken apart, for comparison.
type item struct {
	section, key, value string
	pairs               []string
	addr                gate.Addr
}

func readAll(t *testing.T, b []byte) []item {
	t.Helper()
	settings, err := scanINI(b)
	if err != nil {
		t.Fatalf("%q does not read: %v", b, err)
	}
	var out []item
	for _, s := range settings {
		it := item{section: s.section, key: s.key, value: s.value.of(b)}
		if s.section == "databases" {
			e, err := readEntry(b, s)
			if err != nil {
				t.Fatalf("%q does not read: %v", b, err)
			}
			it.value, it.addr = "", gate.Addr{Host: e.host, Port: e.port}
			for p := s.value.start; ; {
				x, next, _ := scanPair(b, p, s.value.end)
				if x.key == "" {
					break
				}
				if (e.hostv == nil || x.at != *e.hostv) && (e.portv == nil || x.at != *e.portv) {
					it.pairs = append(it.pairs, x.key+"="+x.value)
				}
				p = next
			}
		}
		out = append(out, it)
	}
	return out
}

func expect(items []item, to gate.Addr) []item {
	out := slices.Clone(items)
	for i, it := range out {
		if it.section == "databases" && onSource(gate.Addr{Host: strings.Split(it.addr.Host, ",")[0], Port: it.addr.Port}) {
			out[i].addr = to
		}
	}
	return out
}
