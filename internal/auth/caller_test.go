package auth

import "testing"

func TestCaller(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		remote    string
		forwarded []string
		proxies   int
		want      string
	}{
		{"192.0.2.7:1234", nil, 0, "192.0.2.7"},
		{"192.0.2.7:1234", []string{"198.51.100.1"}, 0, "192.0.2.7"}, // nobody asked for its word
		{"127.0.0.1:1", []string{"203.0.113.9, 198.51.100.1"}, 1, "198.51.100.1"},
		{"127.0.0.1:1", []string{"203.0.113.9", "198.51.100.1, 10.0.0.1"}, 2, "198.51.100.1"},
		{"127.0.0.1:1", []string{"unknown"}, 1, "127.0.0.1"},
		{"127.0.0.1:1", nil, 1, "127.0.0.1"},
		{"127.0.0.1:1", []string{"198.51.100.1"}, 3, "127.0.0.1"},
		{"[2001:db8:1:2:3::4]:1", nil, 0, "2001:db8:1:2::/64"},
		{"[::ffff:192.0.2.7]:1", nil, 0, "192.0.2.7"},
		{"pipe", nil, 0, "pipe"},
	} {
		if got := Caller(tt.remote, tt.forwarded, tt.proxies); got != tt.want {
			t.Errorf("%s %v %d: %s", tt.remote, tt.forwarded, tt.proxies, got)
		}
	}
}
