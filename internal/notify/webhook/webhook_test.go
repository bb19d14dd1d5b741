package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
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
	"github.com/lullhq/lull/internal/notify/webhook"
)

var guard = netguard.New(netip.MustParsePrefix("127.0.0.0/8"))

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func message() notify.Message {
	return notify.Message{
		Key: "0123456789abcdef0123456789abcdef", Subject: "Maintenance takes longer", Text: "It takes longer.", Language: "en", Link: "https://status.example.com/maintenance/pg17",
		Now: time.Unix(1764907200, 0),
		Notice: notify.Notice{
			ID: "pg17/late/4", Subject: "pg17", Kind: notify.Late, Word: "late", Title: "Database upgrade", Summary: "We move our database to PostgreSQL 17.", Text: "The copy takes longer.",
			Window:     maint.Window{Start: "2026-12-05 17:00", Zone: "Pacific/Auckland", Allow: 2 * time.Hour},
			Components: map[string]maint.Impact{"app": maint.UnderMaintenance}, Names: map[string]string{"app": "App"},
			Expected: time.Date(2026, 12, 5, 7, 15, 0, 0, time.UTC), At: time.Date(2026, 12, 5, 6, 0, 0, 0, time.UTC),
		},
	}
}

func key(t *testing.T) webhook.Key {
	t.Helper()
	k, err := webhook.ParseKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// The receiver checks what it gets by the words of the specification, and by nothing of ours.
func TestSignedAsStandardWebhooksHasIt(t *testing.T) {
	t.Parallel()
	var got http.Header
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	h := &webhook.Hook{Client: guard.Client(), URL: server.URL, Key: key(t)}
	if err := h.Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, raw)
	mac.Write([]byte(got.Get("webhook-id") + "." + got.Get("webhook-timestamp") + "." + string(body)))
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); got.Get("webhook-signature") != want {
		t.Errorf("signature %q, want %q", got.Get("webhook-signature"), want)
	}
	if got.Get("webhook-id") != "msg_0123456789abcdef0123456789abcdef" || got.Get("webhook-timestamp") != "1764907200" || got.Get("Content-Type") != "application/json" {
		t.Errorf("headers: %v", got)
	}
	var pretty any
	if err := json.Unmarshal(body, &pretty); err != nil {
		t.Fatal(err)
	}
	indented, _ := json.MarshalIndent(pretty, "", "  ")
	golden.Equal(t, "body.json", string(indented)+"\n")
}

// The example of the specification's own documentation.
func TestKnownSignature(t *testing.T) {
	t.Parallel()
	k := key(t)
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("webhook-signature") }))
	defer server.Close()
	m := message()
	m.Key, m.Now = "p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0)
	h := &webhook.Hook{Client: guard.Client(), URL: server.URL, Key: k, Body: func(context.Context, notify.Message) ([]byte, error) { return []byte(`{"test": 2432232314}`), nil }}
	if err := h.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("signature %q, want %q", got, want)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	var refused *notify.Refused
	var busy *notify.Busy
	for code, check := range map[int]func(error) bool{
		200: func(err error) bool { return err == nil },
		204: func(err error) bool { return err == nil },
		302: func(err error) bool { return !errors.As(err, &refused) && strings.Contains(err.Error(), "leads to") },
		404: func(err error) bool { return !errors.As(err, &refused) && !errors.Is(err, notify.ErrUnanswered) },
		410: func(err error) bool { return errors.As(err, &refused) },
		422: func(err error) bool { return errors.As(err, &refused) },
		429: func(err error) bool { return errors.As(err, &busy) && busy.For == 7*time.Second },
		500: func(err error) bool { return !errors.As(err, &refused) && !errors.Is(err, notify.ErrUnanswered) },
		504: func(err error) bool { return errors.Is(err, notify.ErrUnanswered) },
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "7")
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(code)
				fmt.Fprint(w, "some\nwords\x00 "+strings.Repeat("x", 1000))
			}))
			defer server.Close()
			err := (&webhook.Hook{Client: guard.Client(), URL: server.URL + "/T0KEN?s=T0KEN"}).Send(t.Context(), message())
			if !check(err) {
				t.Errorf("got %v", err)
			}
			if err != nil && (strings.Contains(err.Error(), "T0KEN") || len(err.Error()) > 400 || strings.ContainsAny(err.Error(), "\n\x00")) {
				t.Errorf("the error says too much: %v", err)
			}
		})
	}
}

func TestNoAnswer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer server.Close()
	h := &webhook.Hook{Client: guard.Client(), URL: server.URL + "/T0KEN"}
	if err := h.Send(t.Context(), message()); !errors.Is(err, notify.ErrUnanswered) || strings.Contains(err.Error(), "T0KEN") {
		t.Errorf("cut off: %v", err)
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	h.URL = gone.URL + "/T0KEN"
	if err := h.Send(t.Context(), message()); err == nil || errors.Is(err, notify.ErrUnanswered) || strings.Contains(err.Error(), "T0KEN") {
		t.Errorf("nobody there: %v", err)
	}
	h.Client = netguard.New().Client()
	if err := h.Send(t.Context(), message()); !errors.Is(err, netguard.ErrPrivate) {
		t.Errorf("inside a private network: %v", err)
	}
}

func TestParseKey(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "whsec_", "whsec_???", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 23))} {
		if k, err := webhook.ParseKey(s); err == nil || k != nil {
			t.Errorf("%q was taken", s)
		}
	}
	if got := fmt.Sprintf("%v %s %#v %+v", key(t), key(t), key(t), struct{ K webhook.Key }{key(t)}); strings.Contains(got, "49") {
		t.Errorf("a key is printed: %s", got)
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add(secret)
	f.Fuzz(func(t *testing.T, s string) {
		if k, err := webhook.ParseKey(s); err == nil && (len(k) < 24 || !strings.HasPrefix(s, "whsec_")) {
			t.Errorf("%q gives %d bytes", s, len(k))
		}
	})
}
