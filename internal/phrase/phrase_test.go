package phrase

import (
	"fmt"
	"html/template"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var place = regexp.MustCompile(`\{([^{}]*)\}`)

func places(text string) []string {
	var out []string
	for _, m := range place.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// dates may be written with whichever parts of a date a language writes them with.
var dates = []string{"weekday", "day", "month", "mon", "m", "year"}

// Every catalogue has every key of the English one, no other, and the same places in each.
func TestCataloguesAreComplete(t *testing.T) {
	t.Parallel()
	for _, lang := range Languages {
		c := catalogues[lang]
		if c.Name == "" {
			t.Errorf("%s does not say what it is called", lang)
		}
		for key := range c.texts {
			if English.texts[key] == nil {
				t.Errorf("%s has %q, which is not English", lang, key)
			}
		}
		for key, forms := range English.texts {
			sameText(t, c, key, forms["other"])
		}
		for key, list := range English.lists {
			if len(c.lists[key]) != len(list) || slices.Contains(c.lists[key], "") {
				t.Errorf("%s has other %s: %q", lang, key, c.lists[key])
			}
		}
	}
}

func sameText(t *testing.T, c *Catalogue, key, english string) {
	t.Helper()
	forms := c.texts[key]
	if len(forms) == 0 {
		t.Errorf("%s has no %q", c.Lang, key)
	}
	want := places(english)
	for form, text := range forms {
		got := places(text)
		switch {
		case strings.TrimSpace(text) == "" || text != strings.TrimSpace(text):
			t.Errorf("%s: %q (%s) is empty, or has space around it", c.Lang, key, form)
		case strings.Count(text, "{") != len(place.FindAllString(text, -1)) || strings.Count(text, "{") != strings.Count(text, "}"):
			t.Errorf("%s: %q (%s) has a brace without its twin: %q", c.Lang, key, form, text)
		case slices.ContainsFunc(want, func(p string) bool { return slices.Contains(dates, p) }) && strings.HasPrefix(key, "date."):
			if extra := slices.DeleteFunc(got, func(p string) bool { return slices.Contains(dates, p) }); len(extra) > 0 {
				t.Errorf("%s: %q has %v, which no date has", c.Lang, key, extra)
			}
		case !slices.Equal(got, want):
			t.Errorf("%s: %q (%s) has the places %v, want %v", c.Lang, key, form, got, want)
		}
	}
}

// Wherever English tells one from many, each language has the form that its own rules ask for.
func TestPluralForms(t *testing.T) {
	t.Parallel()
	for key, forms := range English.texts {
		if len(forms) == 1 {
			continue
		}
		for _, lang := range Languages {
			c := catalogues[lang]
			for n := range 200 {
				p := Say(key, "n", n, "of", 300, "days", 90, "percent", "99%")
				if got := c.Text(p); !strings.Contains(got, fmt.Sprint(n)) || place.MatchString(got) {
					t.Errorf("%s: %q of %d is %q", lang, key, n, got)
				}
			}
		}
	}
	for _, tt := range []struct {
		lang string
		n    int
		want string
	}{
		{"en", 0, "0 incidents are open"}, {"en", 1, "1 incident is open"}, {"en", 2, "2 incidents are open"},
		{"de", 1, "1 Störung ist offen"}, {"fr", 0, "0 incident est ouvert"}, {"fr", 2, "2 incidents sont ouverts"},
		{"es", 1, "Hay 1 incidencia abierta"}, {"ja", 1, "1件の障害に対応しています"},
	} {
		if got := In(tt.lang).Text(Say("headline.incidents", "n", tt.n)); got != tt.want {
			t.Errorf("%s, %d: %q, want %q", tt.lang, tt.n, got, tt.want)
		}
	}
}

func TestArgumentsStayWhatTheyAre(t *testing.T) {
	t.Parallel()
	p := Say("headline.major_outage", "name", "<b>{name}</b>")
	if got, want := English.Text(p), "<b>{name}</b> is unavailable"; got != want {
		t.Errorf("text %q, want %q", got, want)
	}
	if got, want := English.HTML(p), template.HTML("&lt;b&gt;{name}&lt;/b&gt; is unavailable"); got != want {
		t.Errorf("markup %q, want %q", got, want)
	}
	p = Say("date.since", "when", template.HTML("<time>5 Dec</time>"))
	if got, want := English.HTML(p), template.HTML("Since <time>5 Dec</time>"); got != want {
		t.Errorf("markup %q, want %q", got, want)
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 12, 5, 17, 0, 0, 0, time.UTC)
	for _, tt := range []struct{ lang, full, year, place, length, percent string }{
		{"en", "Sat 5 December 2026, 17:00", "5 Dec 2026", "Buenos Aires time", "2 h 5 min", "99.98%"},
		{"de", "Sa. 5. Dezember 2026, 17:00", "5. Dez. 2026", "Ortszeit Buenos Aires", "2 Std. 5 Min.", "99,98\u00a0%"},
		{"fr", "sam. 5 décembre 2026, 17:00", "5 déc. 2026", "heure locale (Buenos Aires)", "2 h 5 min", "99,98\u00a0%"},
		{"es", "sáb 5 de diciembre de 2026, 17:00", "5 dic 2026", "hora de Buenos Aires", "2 h 5 min", "99,98\u00a0%"},
		{"ja", "2026年12月5日（土） 17:00", "2026年12月5日", "Buenos Aires時間", "2時間5分", "99.98%"},
	} {
		c := In(tt.lang)
		got := []string{c.At(c.Date("date.full", at), Clock(at)), c.Date("date.year", at), c.Place("America/Argentina/Buenos_Aires"), c.Length(2*time.Hour + 5*time.Minute), c.Percent(99.98)}
		if want := []string{tt.full, tt.year, tt.place, tt.length, tt.percent}; !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", tt.lang, got, want)
		}
	}
	if got := English.Place("Etc/UTC"); got != "UTC" {
		t.Errorf("Etc/UTC is called %q", got)
	}
}

func TestAge(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		20 * time.Second: "This page is about a minute old.", 5 * time.Minute: "This page is 5 minutes old.",
		3 * time.Hour: "This page is 3 hours old.", 72 * time.Hour: "This page is 3 days old.",
	} {
		if got := English.Age("stale", d); got != want {
			t.Errorf("after %s: %q, want %q", d, got, want)
		}
	}
}

func TestWhatHasNoNameYet(t *testing.T) {
	t.Parallel()
	if got := English.Named("state", "some_new_state"); got != "some new state" {
		t.Errorf("a new state is called %q", got)
	}
	if got := In("tlh"); got != English {
		t.Errorf("a language without words is answered in %s", got.Lang)
	}
}

func TestBrokenCatalogues(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`{`, `{"a": 1}`, `{"a": {"one": "x"}}`, `{"a": ["x", 1]}`} {
		if _, err := parse("en", []byte(text)); err == nil {
			t.Errorf("%s was read", text)
		}
	}
	if !slices.Equal(slices.Sorted(maps.Keys(catalogues)), slices.Sorted(slices.Values(Languages))) {
		t.Error("a language is listed without words")
	}
}
