package email

import (
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/notify"
)

// One click is promised over https alone (RFC 8058, 3.1). Else the header leads a person to a page.
func TestOneClickNeedsHTTPS(t *testing.T) {
	t.Parallel()
	for leave, want := range map[string]bool{"https://status.example.com/subscription/x": true, "http://127.0.0.1:8080/subscription/x": false} {
		m := &Mailer{From: "Example <status@example.com>"}
		raw, err := m.compose(t.Context(), notify.Message{Key: "k", Subject: "s", Text: "t", Link: "l", Leave: leave, To: notify.Address{Recipient: "ann@example.org"}, Notice: notify.Notice{Kind: notify.Incident, Subject: "incident/slow"}})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(raw), "\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"); got != want || !strings.Contains(string(raw), "\r\nList-Unsubscribe: <"+leave+">\r\n") {
			t.Errorf("%s: one click %v", leave, got)
		}
	}
}
