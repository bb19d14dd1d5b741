package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func loadChannel(t *testing.T, text string) (Channel, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "lull.yaml")
	if err := os.WriteFile(file, []byte("organization: O\nzone: UTC\nserver: {url: https://status.example.com, listen: \"127.0.0.1:1\"}\nchannels: {c: {"+text+"}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(file)
	if err != nil {
		return Channel{}, err
	}
	return c.Channels[0], nil
}

func TestChannels(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Channel{
		`telegram: {chat: "@example", token_file: /t}`:                                                 {Telegram: &Telegram{Chat: "@example", Token: "/t"}},
		`telegram: {chat: -1001234567890, token_file: /t, url: "http://127.0.0.1:1"}`:                  {Telegram: &Telegram{Chat: "-1001234567890", Token: "/t", Server: "http://127.0.0.1:1"}},
		`pagerduty: {token_file: /t, from: a@example.com, services: [P1, P2]}`:                         {Windows: &Windows{Kind: "pagerduty", Secret: "/t", From: "a@example.com", Services: []string{"P1", "P2"}}},
		`opsgenie: {key_file: /t, policies: [p], integrations: [i], url: https://api.eu.opsgenie.com}`: {Windows: &Windows{Kind: "opsgenie", Secret: "/t", Policies: []string{"p"}, Integrations: []string{"i"}, Server: "https://api.eu.opsgenie.com"}},
		`intercom: {token_file: /t, admin: 394051}`:                                                    {Intercom: &Intercom{Token: "/t", Admin: 394051, Active: 30 * 24 * time.Hour}},
		`intercom: {token_file: /t, admin: 394051, active_days: 7}`:                                    {Intercom: &Intercom{Token: "/t", Admin: 394051, Active: 7 * 24 * time.Hour}},
		`intercom_news: {token_file: /t, admin: 394051, newsfeeds: [53, 54]}`:                          {Intercom: &Intercom{Token: "/t", Admin: 394051, Feeds: []int64{53, 54}}},
	} {
		want.ID = "c"
		got, err := loadChannel(t, text)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", text, err, diff)
		}
	}
}

func TestProblemsOfChannels(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`telegram: {chat: "example", token_file: /t}`:                                           `"example" is not a chat of Telegram`,
		`telegram: {chat: "@example", token: x}`:                                                `unknown key "token"`,
		`pagerduty: {token_file: /t, from: Ann <a@example.com>, services: []}`:                  "is not a bare address of mail",
		`pagerduty: {token_file: /t, from: a@example.com, services: []}`:                        "no service is named",
		`opsgenie: {key_file: /t}`:                                                              "neither integrations nor policies are named",
		`opsgenie: {key_file: /t, policies: [p]}, telegram: {chat: "@example", token_file: /t}`: "in more ways than one",
		`intercom: {token_file: /t, admin: ann}`:                                                "ann",
		`intercom_news: {token_file: /t, admin: 1, newsfeeds: []}`:                              "no newsfeed is named",
	} {
		if _, err := loadChannel(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
