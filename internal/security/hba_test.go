package security

import (
	"slices"
	"testing"
)

func TestWays(t *testing.T) {
	t.Parallel()
	all := []string{"all"}
	lines := hba{
		{Type: "local", Databases: all, Users: all, Method: "peer"},
		{Type: "hostssl", Databases: all, Users: []string{"web"}, Address: "10.0.0.0", Mask: "255.0.0.0", Method: "cert"},
		{Type: "hostnossl", Databases: all, Users: []string{"etl"}, Address: "10.0.0.7", Mask: "255.255.255.255", Method: "trust"},
		{Type: "host", Databases: []string{"app"}, Users: []string{"+staff"}, Address: "all", Method: "ldap"},
		{Type: "host", Databases: all, Users: all, Address: "::1", Mask: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Method: "reject"},
		{Type: "host", Databases: all, Users: all, Address: "0.0.0.0", Mask: "0.0.0.0", Method: "md5"},
		{Type: "host", Databases: all, Users: all, Address: "all", Method: "scram-sha-256"},
	}
	for _, c := range []struct {
		client Client
		want   []string
	}{
		{Client{User: "web", Address: "10.1.2.3", TLS: "TLSv1.3"}, []string{"cert"}},
		{Client{User: "web", Address: "10.1.2.3"}, []string{"ldap", "md5"}},
		{Client{User: "etl", Address: "10.0.0.7"}, []string{"trust"}},
		{Client{User: "etl", Address: "10.0.0.8"}, []string{"ldap", "md5"}},
		{Client{User: "ann", Address: "::1"}, []string{"ldap", "reject"}},
		{Client{User: "ann", Address: "fe80::1"}, []string{"ldap", "scram-sha-256"}},
		{Client{User: "ann", Address: "db.example"}, []string{"ldap", "reject", "md5", "scram-sha-256"}},
	} {
		if got := lines.ways(c.client); !slices.Equal(got, c.want) {
			t.Errorf("%+v comes in by %v, want %v", c.client, got, c.want)
		}
	}
}
