package notify_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/golden"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/phrase"
)

func sample(k notify.Kind) notify.Notice {
	n := notify.Notice{ID: "pg17/" + string(k), Subject: "pg17", Kind: k, Title: plan.Title, Summary: plan.Summary, Window: plan.Window, Components: plan.Components, Names: plan.Names}
	switch k {
	case notify.Late:
		n.Expected, n.Text = at("2026-12-05 07:15"), "The copy takes longer than it did when we tried it."
	case notify.Extended:
		before := plan.Window
		n.Before, n.Window.Allow = &before, before.Allow+time.Hour
	case notify.Incident:
		n.Subject, n.Summary, n.Text = "incident/slow", "identified", "A disk is full."
	case notify.Digest:
		n.Subject, n.Text = "digest/2026-12-07", "Dark mode\nThe app is dark now.\nhttps://status.example.com/changes/dark"
	case notify.Confirm:
		n.Subject = "subscriber/1"
	case notify.Rescheduled:
		before := plan.Window
		before.Start = "2026-11-28 17:00"
		n.Before = &before
	}
	return n
}

var words = notify.Words{Organization: "Example", Page: "https://status.example.com"}

func text(t *testing.T, w notify.Words, n notify.Notice, to notify.Address) string {
	t.Helper()
	m, err := w.Message(notify.Delivery{Notice: n, Channel: to.Channel, Recipient: to.Recipient}, to)
	if err != nil {
		t.Fatal(err)
	}
	return m.Subject + "\n\n" + m.Text + "\n\n" + m.Label + ": " + m.Link + "\n"
}

func TestWords(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for _, lang := range phrase.Languages {
		for _, k := range append(slices.Clone(notify.Kinds), notify.Alone...) {
			fmt.Fprintf(&all, "---- %s, %s\n\n%s\n", lang, k, text(t, words, sample(k), notify.Address{Language: lang}))
		}
	}
	if strings.Contains(all.String(), "{") {
		t.Error("a place is open")
	}
	golden.Equal(t, "words.golden", all.String())
}

func TestTimesAreTheRecipients(t *testing.T) {
	t.Parallel()
	night := sample(notify.Ahead)
	night.Window = maint.Window{Start: "2026-12-05 23:00", Zone: "Europe/Paris", Allow: 3e12 * 2}
	for _, tt := range []struct{ zone, want string }{
		{"", "When: Sat 5 December 2026, 23:00 to Sun 6 December 2026, 00:40 Paris time (22:00 to 23:40 UTC)"},
		{"Europe/London", "When: Sat 5 December 2026, 22:00 to 23:40 London time"},
		{"Asia/Tokyo", "When: Sun 6 December 2026, 07:00 to 08:40 Tokyo time"},
		{"Nowhere/AtAll", "When: Sat 5 December 2026, 23:00 to Sun 6 December 2026, 00:40 Paris time"},
	} {
		if got := text(t, words, night, notify.Address{Zone: tt.zone}); !strings.Contains(got, tt.want+"\n") {
			t.Errorf("%s: %s\nwant %s", tt.zone, got, tt.want)
		}
	}
}

func TestOwnTexts(t *testing.T) {
	t.Parallel()
	parse := func(s string) *notify.Text {
		own, err := notify.ParseText(s)
		if err != nil {
			t.Fatal(err)
		}
		return own
	}
	w := words
	w.Own = notify.Texts{
		"ahead.en":      parse("{title}\n\nDear customer,\n\n{expected}\n\nit is at {when}."),
		"ahead.en.chat": parse("{title} in chat\n\n{link}"),
		"incident.en":   parse("[{status}] {title}\n\n{text}\n\nAffected: {affects}\n\nWhen: {when}\n\n{link}"),
		"confirm.en":    parse("Is it you?\n\n{organization} asks: {link}"),
	}
	if got, want := text(t, w, sample(notify.Incident), notify.Address{}), "[Identified] Database upgrade\n\nA disk is full.\n\nAffected: App (under maintenance)\n\nhttps://status.example.com/incidents/slow\n\n"; !strings.HasPrefix(got, want) {
		t.Errorf("got %s", got)
	}
	if got := text(t, w, sample(notify.Confirm), notify.Address{Link: "X"}); !strings.HasPrefix(got, "Is it you?\n\nExample asks: https://status.example.com/subscription/X\n\n") {
		t.Errorf("got %s", got)
	}
	got := text(t, w, sample(notify.Ahead), notify.Address{Channel: "mail"})
	if !strings.HasPrefix(got, "Database upgrade\n\nDear customer,\n\nit is at Sat 5 December") {
		t.Errorf("got %s", got)
	}
	if got := text(t, w, sample(notify.Ahead), notify.Address{Channel: "chat"}); !strings.HasPrefix(got, "Database upgrade in chat\n\nhttps://status.example.com/maintenance/pg17\n") {
		t.Errorf("got %s", got)
	}
}

func TestNothingInAnArgumentIsAPlace(t *testing.T) {
	t.Parallel()
	n := sample(notify.Ahead)
	n.Title, n.Summary = "{summary}\nBcc: x", "{{.}} ${HOME} {link}"
	got := text(t, words, n, notify.Address{})
	if !strings.HasPrefix(got, "Planned maintenance on 5 Dec 2026: {summary} Bcc: x\n\n") || !strings.Contains(got, "\n{{.}} ${HOME} {link}\n") {
		t.Errorf("got %s", got)
	}
}

func TestTextsThatAreRefused(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"": "not a subject", "one line": "not a subject", "a\n\n{password}": "{password} is none of the places", "a\n\nSee you Tomorrow, {title}": `"tomorrow" is another day`,
		"two\nlines\n\nbody": "the subject is not one line", "a\n\nb\x00": "control characters", "a\n\n\xff": "UTF-8",
	} {
		if _, err := notify.ParseText(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", s, err, want)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("{title}\n\n{when} and {text}", "x")
	f.Add("a{b\n\n}{title}", "{when}")
	f.Fuzz(func(t *testing.T, s, title string) {
		own, err := notify.ParseText(s)
		if err != nil {
			return
		}
		w := words
		w.Own = notify.Texts{"ahead.en": own}
		n := sample(notify.Ahead)
		n.Title = title
		m, err := w.Message(notify.Delivery{Notice: n}, notify.Address{})
		if err != nil || strings.ContainsAny(m.Subject, "\r\n") {
			t.Errorf("subject %q, %v", m.Subject, err)
		}
		_ = maint.Relative(title)
	})
}
