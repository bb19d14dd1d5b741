package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestHarden(t *testing.T) {
	t.Parallel()
	all := `[checksums, tls: {min: 1.3, certificate: /etc/db.crt, key: /etc/db.key}, scram, revoke_public_create, hba: strict, definer_search_path, log_logins]`
	for text, want := range map[string]Harden{
		all: {Checksums: true, TLS: &HardenTLS{Min: "TLSv1.3", Certificate: "/etc/db.crt", Key: "/etc/db.key"}, SCRAM: true,
			RevokePublicCreate: true, StrictHBA: true, DefinerSearchPath: true, LogLogins: true},
		"[tls]":         {TLS: &HardenTLS{Min: "TLSv1.2"}},
		"[scram: wait]": {SCRAM: true, AwaitSCRAM: true},
	} {
		p, err := ParsePlan("plan.yaml", []byte(hardening(text)), good(t))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, p.Steps[0].Upgrade.Harden); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
	for text, want := range map[string]string{
		"[scam]":                       `did you mean "scram"?`,
		"[hba]":                        `write "hba: strict"`,
		"[hba: lax]":                   "strict",
		"[scram, scram]":               "twice",
		"[checksums: on]":              "takes no value",
		"[tls: {min: 1.1}]":            "1.2",
		"[tls: {certificate: db.crt}]": "go together",
		"[[scram]]":                    "a single value belongs here",
		"[tls: {}, scram: later]":      "wait",
	} {
		if _, err := ParsePlan("plan.yaml", []byte(hardening(text)), good(t)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if p, err := ParsePlan("plan.yaml", []byte(hardening("[scram], look_back: 30d")), good(t)); err != nil || p.Steps[0].Upgrade.LookBack != 30*24*time.Hour {
		t.Errorf("look_back: %v", err)
	}
	text := strings.Replace(hardening("[scram]"), "upgrade:", "harden: [scram], upgrade:", 1)
	if _, err := ParsePlan("plan.yaml", []byte(text), good(t)); err == nil || !strings.Contains(err.Error(), "write it into the upgrade") {
		t.Error(err)
	}
}

func hardening(list string) string {
	return "maintenance: m\ntitle: t\nsummary: s\nwindow: {start: 2026-12-05 17:00, zone: UTC, allow: 2h}\n" +
		"steps: [{upgrade: {cluster: main, to: 17, budget: 1h, harden: " + list + "}}]"
}
