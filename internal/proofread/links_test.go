package proofread

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/netguard"
)

func TestLinks(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"no address, and http:// is none":                                        nil,
		"See https://example.com/a. And HTTP://EXAMPLE.com/b, too!":              {"https://example.com/a", "HTTP://EXAMPLE.com/b"},
		"[here](https://example.com/a_(b)) (https://example.com/c?d=e#f)":        {"https://example.com/a_(b)", "https://example.com/c?d=e#f"},
		"<https://example.com/> **https://example.com/x** `https://example.com`": {"https://example.com/", "https://example.com/x", "https://example.com"},
		"詳しくはhttps://example.com/をご覧ください。":                                       {"https://example.com/"},
		"https://example.com/a https://example.com/a":                            {"https://example.com/a"},
		"https://example.com/{link}":                                             {"https://example.com/"},
	} {
		if diff := cmp.Diff(want, Links(text)); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

// The banner of the founding evening had an address in two spellings, and one of them was dead.
func TestSpellings(t *testing.T) {
	t.Parallel()
	var all []Written
	for _, a := range []string{
		"https://example.com/news/", "https://status.example.com", "https://status.example.com/", "HTTPS://Status.example.com:443/#", "http://www.example.com/news",
		"https://example.com/other", "https://example.com/news/", "https://example.com/news?a=b", "not an address",
	} {
		all = append(all, Written{a, "there"})
	}
	want := [][]Written{{{"https://example.com/news/", "there"}, {"http://www.example.com/news", "there"}}}
	if diff := cmp.Diff(want, Spellings(all)); diff != "" {
		t.Error(diff)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	m := http.NewServeMux()
	m.HandleFunc("/good", func(http.ResponseWriter, *http.Request) {})
	m.Handle("/moved", http.RedirectHandler("/good", http.StatusMovedPermanently))
	m.HandleFunc("/login", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	m.HandleFunc("/made", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	s := httptest.NewServer(m)
	defer s.Close()
	client := *s.Client()
	client.CheckRedirect = netguard.New().Client().CheckRedirect
	for path, want := range map[string]string{
		"/good": "", "/moved": "it does not show what it is to show: it leads to " + s.URL + "/good", "/login": "it does not show what it is to show: it answers 401 Unauthorized",
		"/gone": "it answers 404 Not Found", "/made": "it answers 204 No Content",
	} {
		got := ""
		err := Answers(t.Context(), &client, s.URL+path)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q instead of %q", path, got, want)
		}
		if elsewhere := path == "/moved" || path == "/login"; errors.Is(err, ErrElsewhere) != elsewhere {
			t.Errorf("%s: %v", path, err)
		}
		var answered *Answered
		if dead := path == "/gone" || path == "/made"; errors.As(err, &answered) != dead {
			t.Errorf("%s: %v", path, err)
		}
	}
	s.Close()
	var answered *Answered
	if err := Answers(t.Context(), &client, s.URL); err == nil || errors.As(err, &answered) {
		t.Errorf("of a server that is gone: %v", err)
	}
}

func FuzzLinks(f *testing.F) {
	f.Add("See [it](https://example.com/a_(b)). ")
	f.Fuzz(func(t *testing.T, text string) {
		var all []Written
		for _, l := range Links(text) {
			all = append(all, Written{l, ""})
		}
		for _, g := range Spellings(append(all, all...)) {
			if len(g) < 2 {
				t.Errorf("one spelling is told as two: %q", g)
			}
		}
	})
}
