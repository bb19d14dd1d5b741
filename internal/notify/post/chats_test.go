package post_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/golden"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/netguard"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/notify/discord"
	"github.com/lullhq/lull/internal/notify/notifytest"
	"github.com/lullhq/lull/internal/notify/ntfy"
	"github.com/lullhq/lull/internal/notify/slack"
	"github.com/lullhq/lull/internal/notify/teams"
)

func message() notify.Message {
	return notify.Message{
		Key: "k", Subject: "Planned maintenance: <!channel> & @everyone", Text: "Example has *planned* maintenance.\n\nWhen: Sat 5 December 2026\n<@U123> <!here|x> @here [a](javascript:x)",
		Language: "en", Label: "Read more", Link: "https://status.example.com/maintenance/pg17",
		Notice: notify.Notice{Subject: "pg17", Window: maint.Window{Start: "2026-12-05 17:00", Zone: "Pacific/Auckland", Allow: time.Hour}},
	}
}

// chats are the channels to rooms where people talk, at an address on this machine.
func chats(c *http.Client, url string) map[string]notify.Channel {
	return map[string]notify.Channel{
		"slack": &slack.Channel{Client: c, URL: url + "/services/T/B/X"}, "discord": &discord.Channel{Client: c, URL: url + "/api/webhooks/1/X"},
		"teams": &teams.Channel{Client: c, URL: url + "/workflows/X?sig=X"}, "ntfy": &ntfy.Channel{Client: c, URL: url + "/base/topic", Token: "tk_X"},
	}
}

// Real requests, and what is in them: each is held in a file that a person has looked at beside the vendor's documentation.
func TestChats(t *testing.T) {
	t.Parallel()
	var got *http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r.Clone(r.Context())
		body, _ = io.ReadAll(r.Body)
	}))
	defer server.Close()
	guard := netguard.New(netip.MustParsePrefix("127.0.0.0/8"))
	want := map[string]string{"slack": "/services/T/B/X", "discord": "/api/webhooks/1/X?wait=true", "teams": "/workflows/X?sig=X", "ntfy": "/base/"}
	for name, c := range chats(guard.Client(), server.URL) {
		if err := c.Send(t.Context(), message()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if c.Knows() {
			t.Errorf("%s tells what comes again, which nobody there promises", name)
		}
		if got.Method != http.MethodPost || got.URL.RequestURI() != want[name] || got.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %s %s %v", name, got.Method, got.URL, got.Header)
		}
		if token := got.Header.Get("Authorization"); (name == "ntfy") != (token == "Bearer tk_X") {
			t.Errorf("%s: authorization %q", name, token)
		}
		var value any
		if err := json.Unmarshal(body, &value); err != nil {
			t.Fatal(err)
		}
		var pretty strings.Builder
		enc := json.NewEncoder(&pretty)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		_ = enc.Encode(value)
		golden.Equal(t, name+".json", pretty.String())
	}
}

// No vendor refuses a message, whatever people write: each is sent to a server that has the vendor's limits.
func TestVendorsTakeEveryMessage(t *testing.T) {
	t.Parallel()
	guard := netguard.New(netip.MustParsePrefix("127.0.0.0/8"))
	for name, vendor := range notifytest.Vendors {
		server := httptest.NewServer(vendor)
		t.Cleanup(server.Close)
		c := chats(guard.Client(), server.URL)[name]
		for _, sign := range []string{"a", "<", "&", "*", "\\", "\n", "é", "世", "🔧", "\"", "@", "<!channel> ", ""} {
			for _, n := range []int{1, 100, 149, 257, 1000, 3001, 30_000} {
				m := message()
				m.Subject, m.Text = "x"+strings.ReplaceAll(strings.Repeat(sign, min(n, 500)), "\n", " "), "x"+strings.Repeat(sign, n)
				if err := c.Send(t.Context(), m); err != nil {
					t.Errorf("%s, %d times %q: %v", name, n, sign, err)
				}
			}
		}
	}
}
