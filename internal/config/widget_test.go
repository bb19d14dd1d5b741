package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWidget(t *testing.T) {
	t.Parallel()
	const head = "organization: Example\nchannels:\n  app: {widget: {keys_file: /secrets/widget, "
	c, err := parseConfig("lull.yaml", []byte(head+"origins: [https://app.example.com, 'http://localhost:3000'], to: {plan: pro, region: [eu, nz], beta: true}, active: 30d}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := &Widget{
		Keys: "/secrets/widget", Origins: []string{"https://app.example.com", "http://localhost:3000"}, Active: 30 * 24 * time.Hour,
		To: map[string][]string{"plan": {"pro"}, "region": {"eu", "nz"}, "beta": {"true"}},
	}
	if diff := cmp.Diff(want, c.Channels[0].Widget); diff != "" {
		t.Error(diff)
	}
	for _, tt := range []struct{ rest, want string }{
		{"origins: [https://app.example.com/]}}", "not an origin"},
		{"origins: ['*']}}", "not an origin"},
		{"origins: [https://ann@app.example.com]}}", "not an origin"},
		{"origins: [https://a.example, https://a.example]}}", "there twice"},
		{"origins: []}}", "names no origin"},
		{"origin: [https://a.example]}}", "unknown key"},
		{"origins: [https://a.example], to: {plan: []}}}", "has no value"},
		{"origins: [https://a.example], active: soon}}", "not a length of time"},
	} {
		if _, err := parseConfig("lull.yaml", []byte(head+tt.rest+"\n")); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.rest, err, tt.want)
		}
	}
}
