package notifytest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/notify/notifytest"
)

// Each server refuses what its vendor refuses, so that a message that it takes means something.
func TestVendorsRefuse(t *testing.T) {
	t.Parallel()
	x := func(n int) string { return strings.Repeat("x", n) }
	section := func(text string) string {
		return `{"text": "t", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "` + text + `"}}]}`
	}
	embed := func(title, text string) string {
		return `{"embeds": [{"title": "` + title + `", "url": "https://example.com/", "description": "` + text + `"}], "allowed_mentions": {"parse": []}}`
	}
	card := func(version, body, actions string) string {
		return `{"type": "message", "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": {"$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
			"type": "AdaptiveCard", "version": "` + version + `", "body": [` + body + `], "actions": [` + actions + `]}}]}`
	}
	block := `{"type": "TextBlock", "text": "x"}`
	for _, tt := range []struct{ vendor, body, complaint string }{
		{"slack", section("x"), ""},
		{"slack", `{"text": "t"}`, ""},
		{"slack", `{}`, "no_text"},
		{"slack", `{"text": "t", "colour": 1}`, "invalid_payload"},
		{"slack", section(""), "invalid_blocks"},
		{"slack", section(x(3001)), "invalid_blocks"},
		{"slack", section("<!channel>"), "is a command"},
		{"slack", `{"text": "<!here>"}`, "is a command"},
		{"slack", `{"blocks": [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}]}`, "that is plain"},
		{"slack", `{"blocks": [{"type": "header", "text": {"type": "plain_text", "text": "` + x(151) + `"}}]}`, "151 characters"},
		{"slack", `{"blocks": [{"type": "section"}]}`, "a text, or up to ten fields"},
		{"slack", `{"blocks": [` + strings.Repeat(`{"type": "section", "text": {"type": "mrkdwn", "text": "x"}},`, 50) + `{"type": "section", "text": {"type": "mrkdwn", "text": "x"}}]}`, "more than 50 blocks"},
		{"discord", embed("x", "x"), ""},
		{"discord", `{"allowed_mentions": {"parse": []}}`, "50006"},
		{"discord", embed(x(257), "x"), "50035"},
		{"discord", embed("x", strings.Repeat("🔧", 2049)), "4098 characters"},
		{"discord", `{"content": "x"}`, "who may be mentioned"},
		{"discord", `{"content": "` + x(2001) + `", "allowed_mentions": {"parse": []}}`, "50035"},
		{"teams", card("1.4", block, `{"type": "Action.OpenUrl", "title": "x", "url": "https://example.com/"}`), ""},
		{"teams", card("1.5", block, ""), "version"},
		{"teams", card("1.4", `{"type": "TextBlock"}`, ""), "no TextBlock"},
		{"teams", card("1.4", `{"type": "TextBlock", "text": "x", "size": "huge"}`, ""), "no TextBlock"},
		{"teams", card("1.4", block, `{"type": "Action.OpenUrl", "title": "x"}`), "url"},
		{"teams", card("1.4", `{"type": "TextBlock", "text": "`+x(28<<10)+`"}`, ""), "28 KB"},
		{"teams", `{"text": "x"}`, "unknown field"},
		{"ntfy", `{"topic": "a", "message": "x", "click": "https://example.com/"}`, ""},
		{"ntfy", `{"topic": "a b", "message": "x"}`, "40009"},
		{"ntfy", `{"topic": "a", "message": "` + x(4097) + `"}`, "4,096"},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "/?wait=true", strings.NewReader(tt.body))
		r.Header.Set("Content-Type", "application/json")
		notifytest.Vendors[tt.vendor].ServeHTTP(w, r)
		if said := w.Body.String(); (w.Code == http.StatusOK) != (tt.complaint == "") || !strings.Contains(said, tt.complaint) {
			t.Errorf("%s: %.120s: answered %d %s, want %q", tt.vendor, tt.body, w.Code, said, tt.complaint)
		}
	}
}
