package harden

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRewrite(t *testing.T) {
	t.Parallel()
	strict, scram := Access{SCRAM: true, Strict: true}, Access{SCRAM: true}
	for _, c := range []struct {
		access   Access
		in, want string
	}{
		{scram, "# md5\n\nhost all all 10.0.0.0/8   md5   # web\n", "# md5\n\nhost all all 10.0.0.0/8   scram-sha-256   # web\n"},
		{scram, "host all all all trust\nlocal all all md5\nhost all all all password\n", "host all all all trust\nlocal all all md5\nhost all all all password\n"},
		{strict, "local all all trust\n", "local all all trust\n"},
		{strict, "host all all 127.0.0.1/32 trust", "host all all 127.0.0.1/32 scram-sha-256\n"},
		{strict, "host all all 127.0.0.1 255.255.255.255 md5\n", "host all all 127.0.0.1 255.255.255.255 scram-sha-256\n"},
		{strict, "host all all ::1/128 ident\n", "host all all ::1/128 scram-sha-256\n"},
		{strict, "host app,shop \"my user\" 10.0.0.0/8 md5\n", "hostssl app,shop \"my user\" 10.0.0.0/8 scram-sha-256\n"},
		{strict, "host app, shop all 10.0.0.0 255.0.0.0 password\n", "hostssl app, shop all 10.0.0.0 255.0.0.0 scram-sha-256\n"},
		{strict, "hostnossl all all 10.0.0.0/8 md5\n", "# by lull: hostnossl all all 10.0.0.0/8 md5\n"},
		{strict, "hostssl all all all cert map=x\n", "hostssl all all all cert map=x\n"},
		{strict, "host all all 10.0.0.0/8 reject\n", "host all all 10.0.0.0/8 reject\n"},
		{strict, "host all all 10.0.0.0/8 ldap ldapserver=x\n", "hostssl all all 10.0.0.0/8 ldap ldapserver=x\n"},
		{strict, "host all all 0.0.0.0/0 md5\n", "host all all 127.0.0.1/32 scram-sha-256\nhostssl all all 0.0.0.0/0 scram-sha-256\n"},
		{strict, "host all all 0.0.0.0 0.0.0.0 md5\n", "host all all 127.0.0.1/32  scram-sha-256\nhostssl all all 0.0.0.0 0.0.0.0 scram-sha-256\n"},
		{strict, "host all all all trust\n", "host all all 127.0.0.1/32 scram-sha-256\nhost all all ::1/128 scram-sha-256\nhostssl all all all scram-sha-256\n"},
		{strict, "hostnossl all all all md5\n", "hostnossl all all 127.0.0.1/32 scram-sha-256\nhostnossl all all ::1/128 scram-sha-256\n"},
		{strict, "host all all samehost md5\nhost all all localhost trust\n", "host all all samehost scram-sha-256\nhost all all localhost scram-sha-256\n"},
		{strict, "host all \\\n  all 10.0.0.0/8 md5\n", "hostssl all \\\n  all 10.0.0.0/8 scram-sha-256\n"},
		{strict, "host replication all db2.example md5\n", "hostssl replication all db2.example scram-sha-256\n"},
	} {
		got, err := c.access.Rewrite(c.in)
		if err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q: %s", c.in, diff)
		}
	}
	for _, in := range []string{"include_dir conf.d\n", "host \"all all all md5\n"} {
		if got, err := strict.Rewrite(in); err == nil {
			t.Errorf("%q became %q", in, got)
		}
	}
}

func FuzzRewrite(f *testing.F) {
	f.Add("host all all 0.0.0.0/0 md5 # x\nlocal all all peer\n")
	f.Add("hostnossl a, \"b\nc\" d\\\n 1.2.3.4 255.0.0.0 trust")
	f.Fuzz(func(t *testing.T, text string) {
		for _, a := range []Access{{}, {SCRAM: true}, {SCRAM: true, Strict: true}} {
			once, err := a.Rewrite(text)
			if err != nil {
				continue
			}
			if a == (Access{}) && once != text && once != text+"\n" {
				t.Errorf("nothing was asked for, and %q became %q", text, once)
			}
			if twice, err := a.Rewrite(once); err != nil || twice != once {
				t.Errorf("%q, and again %q, %v", once, twice, err)
			}
		}
	})
}
