package probe

import (
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/planstep"
)

// greeter says something to whoever connects, or nothing.
func greeter(t *testing.T, says string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			_, _ = conn.Write([]byte(says))
		}
	}()
	return l.Addr().String()
}

func TestTCP(t *testing.T) {
	t.Parallel()
	mail := greeter(t, "220 mail.example.com ESMTP\r\n")
	for name, c := range map[string]struct {
		look   TCP
		within time.Duration
		public string
	}{
		"open":            {TCP{Address: mail}, time.Minute, ""},
		"says it":         {TCP{Address: mail, Banner: "ESMTP"}, time.Minute, ""},
		"nobody there":    {TCP{Address: "127.0.0.1:1"}, time.Minute, "did not answer"},
		"says other":      {TCP{Address: greeter(t, string(make([]byte, maxBanner))), Banner: "ESMTP"}, time.Minute, "answered without the expected text"},
		"says nothing":    {TCP{Address: greeter(t, ""), Banner: "ESMTP"}, 50 * time.Millisecond, "no answer within 50 ms"},
		"no such address": {TCP{Address: "nowhere.invalid:1"}, time.Minute, "its name is not found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := Probe{Looker: c.look, Timeout: c.within, Impact: maint.MajorOutage}.Look(t.Context())
			if c.look.Address == "nowhere.invalid:1" && f.Public == silent {
				t.Skip("no resolver answers here")
			}
			if f.Public != c.public || (f.Err == nil) != (c.public == "") {
				t.Errorf("found %+v, want %q", f, c.public)
			}
		})
	}
}

// nameserver answers over UDP: www.example.com is 192.0.2.7 and ::7, it has a text, and any
// other name is not there (RFC 1035, section 4).
func nameserver(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(reply(buf[:n]), from)
		}
	}()
	return conn.LocalAddr().String()
}

func reply(query []byte) []byte {
	const www = "\x03www\x07example\x03com\x00"
	question := query[12:]
	end := 0
	for question[end] != 0 {
		end += int(question[end]) + 1
	}
	name, kind := strings.ToLower(string(question[:end+1])), binary.BigEndian.Uint16(question[end+1:])
	data := map[uint16]string{1: "\xc0\x00\x02\x07", 28: string(net.ParseIP("::7")), 16: "\x0bSome text.."}[kind]
	code, answers := byte(0), byte(0)
	switch {
	case name != www:
		code = 3 // NXDOMAIN
	case data != "":
		answers = 1
	}
	out := []byte{query[0], query[1], 0x84, code, 0, 1, 0, answers, 0, 0, 0, 0}
	out = append(out, question[:end+5]...)
	if answers > 0 {
		out = append(out, 0xc0, 12, byte(kind>>8), byte(kind), 0, 1, 0, 0, 0, 60, 0, byte(len(data)))
		out = append(out, data...)
	}
	return out
}

// A name is the system's to find unless somebody says who is to be asked.
func TestWhichNameIsAsked(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, resolver, want string }{
		{"db", "", "db"}, {"www.example.com", "", "www.example.com"}, {"www.example.com.", "", "www.example.com."},
		{"db", "192.0.2.1:53", "db."}, {"www.example.com", "192.0.2.1:53", "www.example.com."}, {"www.example.com.", "192.0.2.1:53", "www.example.com."},
	} {
		if got := (DNS{Name: tt.name, Resolver: tt.resolver}).asked(); got != tt.want {
			t.Errorf("%s at %q is asked for as %s, want %s", tt.name, tt.resolver, got, tt.want)
		}
	}
}

func TestDNS(t *testing.T) {
	t.Parallel()
	server := nameserver(t)
	for name, c := range map[string]struct {
		look   DNS
		public string
	}{
		"any address":         {DNS{Name: "www.example.com", Type: "A"}, ""},
		"this address":        {DNS{Name: "WWW.example.com.", Type: "A", Expect: []string{"192.0.2.7"}}, ""},
		"another one":         {DNS{Name: "www.example.com", Type: "A", Expect: []string{"192.0.2.8"}}, "its name leads elsewhere"},
		"two of them":         {DNS{Name: "www.example.com", Type: "A", Expect: []string{"192.0.2.7", "192.0.2.8"}}, "its name leads elsewhere"},
		"of the newer kind":   {DNS{Name: "www.example.com", Type: "AAAA", Expect: []string{"0::7"}}, ""},
		"text":                {DNS{Name: "www.example.com", Type: "TXT", Expect: []string{"Some text.."}}, ""},
		"text in other case":  {DNS{Name: "www.example.com", Type: "TXT", Expect: []string{"some text.."}}, "its name leads elsewhere"},
		"no record":           {DNS{Name: "www.example.com", Type: "MX"}, "its name is not found"},
		"no name":             {DNS{Name: "mail.example.com", Type: "A"}, "its name is not found"},
		"a type nobody knows": {DNS{Name: "www.example.com", Type: "X"}, "did not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.look.Resolver = server
			f := Probe{Looker: c.look, Timeout: time.Minute, Impact: maint.MajorOutage}.Look(t.Context())
			if f.Public != c.public || (f.Err == nil) != (c.public == "") {
				t.Errorf("found %+v, want %q", f, c.public)
			}
		})
	}
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, 17, pgtest.Options{Databases: []string{"app"}})
	s.Exec(t, "app", "CREATE TABLE kept (n int)")
	for name, c := range map[string]struct {
		dsn, query string
		within     time.Duration
		public     string
	}{
		"up":              {s.DSN("app"), "", time.Minute, ""},
		"a query":         {s.DSN("app"), "SELECT * FROM generate_series(1, 100000)", time.Minute, ""},
		"a wrong query":   {s.DSN("app"), "SELECT nothing", time.Minute, "answered with an error"},
		"only reads":      {s.DSN("app"), "INSERT INTO kept VALUES (1)", time.Minute, "answered with an error"},
		"two statements":  {s.DSN("app"), "COMMIT; INSERT INTO kept VALUES (1)", time.Minute, "answered with an error"},
		"a slow query":    {s.DSN("app"), "SELECT pg_sleep(60)", 200 * time.Millisecond, "no answer within 200 ms"},
		"no database":     {s.DSN("nowhere"), "", time.Minute, "did not answer"},
		"nobody there":    {"host=127.0.0.1 port=1 user=lull password=hunter2 dbname=app", "", time.Minute, "did not answer"},
		"no such address": {"host=127.0.0.1 port=none", "", time.Minute, "did not answer"},
	} {
		p := Postgres{Dial: planstep.DialDSN(c.dsn), Query: c.query}
		f := Probe{Looker: p, Timeout: c.within, Impact: maint.MajorOutage}.Look(t.Context())
		if f.Public != c.public || (f.Err == nil) != (c.public == "") {
			t.Errorf("%s: found %+v, want %q", name, f, c.public)
		}
	}
	var rows int
	if err := s.Connect(t, "app").QueryRow(t.Context(), "SELECT count(*) FROM kept").Scan(&rows); err != nil || rows != 0 {
		t.Errorf("a probe has written %d rows, %v", rows, err)
	}
}

func TestLength(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{5 * time.Second: "5 s", 1500 * time.Millisecond: "1500 ms", 20 * time.Millisecond: "20 ms"} {
		if got := length(d); got != want {
			t.Errorf("%s is %q, want %q", fmt.Sprint(d), got, want)
		}
	}
}
