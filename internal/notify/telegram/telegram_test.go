package telegram_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/lullhq/lull/internal/netguard"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/notify/telegram"
)

// bot holds requests against what the Bot API documents of sendMessage (core.telegram.org/bots/api#sendmessage).
type bot struct {
	t      *testing.T
	answer string
	status int
	shown  []string // bold and linked parts, as they are shown
}

type sendMessage struct {
	Chat     string `json:"chat_id"`
	Text     string `json:"text"`
	Mode     string `json:"parse_mode"`
	Entities []struct {
		Type, URL      string
		Offset, Length int
	} `json:"entities"`
	Preview struct {
		Disabled bool `json:"is_disabled"`
	} `json:"link_preview_options"`
}

func (b *bot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m sendMessage
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		b.t.Error(err)
	}
	text := utf16.Encode([]rune(m.Text))
	if r.Method != http.MethodPost || r.URL.Path != "/bot12:T0KEN/sendMessage" || m.Chat != "@example" || m.Mode != "" || !m.Preview.Disabled {
		b.t.Errorf("%s %s: %+v", r.Method, r.URL.Path, m)
	}
	if len(text) < 1 || len(text) > 4096 {
		b.t.Errorf("%d code units", len(text))
	}
	b.shown = []string{m.Text}
	for _, e := range m.Entities {
		if e.Offset < 0 || e.Length < 1 || e.Offset+e.Length > len(text) || (e.Type == "text_link") != (e.URL != "") {
			b.t.Fatalf("entity %+v of %d", e, len(text))
		}
		b.shown = append(b.shown, e.Type+" "+string(utf16.Decode(text[e.Offset:e.Offset+e.Length])))
	}
	w.WriteHeader(b.status)
	_, _ = w.Write([]byte(b.answer))
}

func send(t *testing.T, b *bot, m notify.Message) error {
	t.Helper()
	server := httptest.NewServer(b)
	defer server.Close()
	c := &telegram.Channel{Client: netguard.New(netip.MustParsePrefix("127.0.0.0/8")).Client(), Server: server.URL, Token: "12:T0KEN", Chat: "@example"}
	return c.Send(t.Context(), m)
}

func TestWhatIsShown(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ subject, text string }{
		"plain":     {"Maintenance", "When: 17:00"},
		"surrogate": {"🛠️ Maintenance 😀", "<b>*_[x](y)</b> 😀"},
		"blanks":    {"  Maintenance \n", "\n text \n"},
		"long":      {strings.Repeat("😀", 600), strings.Repeat("é😀", 5000)},
		"mentions":  {"@everyone, ann@example.com", "(@ann) @bob\n@cyd"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &bot{t: t, status: http.StatusOK, answer: `{"ok":true}`}
			if err := send(t, b, notify.Message{Subject: tt.subject, Text: tt.text, Label: "Read more", Link: "https://status.example.com/m"}); err != nil {
				t.Fatal(err)
			}
			first, _, _ := strings.Cut(b.shown[0], "\n")
			if b.shown[1] != "bold "+first || b.shown[2] != "text_link Read more" || !strings.HasSuffix(b.shown[0], "\n\nRead more") {
				t.Errorf("shown: %q", b.shown)
			}
			if name == "mentions" && (strings.Contains(b.shown[0], "@everyone") || strings.Contains(b.shown[0], "@ann") || strings.Contains(b.shown[0], "@cyd") || !strings.Contains(b.shown[0], "ann@example.com")) {
				t.Errorf("somebody is called: %q", b.shown[0])
			}
		})
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	m := notify.Message{Subject: "s", Text: "t", Label: "l", Link: "https://example.com"}
	var busy *notify.Busy
	if err := send(t, &bot{t: t, status: http.StatusTooManyRequests, answer: `{"ok":false,"error_code":429,"parameters":{"retry_after":35}}`}, m); !errors.As(err, &busy) || busy.For != 35*time.Second {
		t.Errorf("429: %v", err)
	}
	var refused *notify.Refused
	err := send(t, &bot{t: t, status: http.StatusBadRequest, answer: `{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}`}, m)
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "chat not found") || strings.Contains(err.Error(), "T0KEN") {
		t.Errorf("400: %v", err)
	}
}
