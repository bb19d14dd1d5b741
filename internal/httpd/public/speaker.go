package public

import (
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/phrase"
	"github.com/lullhq/lull/internal/view"
)

// speaker says things in one language and knows where everything is: it is in every model
// that a template sees.
type speaker struct {
	site   Site
	words  *phrase.Catalogue
	prefix string // before the path of a page; "" where there is one language only
}

func (s Site) speaker(lang string) speaker {
	offered := s.languages()
	if !slices.Contains(offered, lang) {
		lang = offered[0]
	}
	out := speaker{site: s, words: phrase.In(lang)}
	if len(offered) > 1 {
		out.prefix = "/" + lang
	}
	return out
}

// T says a phrase. Pairs are the names of its places and what belongs there.
func (s speaker) T(key string, pairs ...any) string { return s.words.Text(phrase.Say(key, pairs...)) }

// H says a phrase that has markup in its places.
func (s speaker) H(key string, pairs ...any) template.HTML {
	return s.words.HTML(phrase.Say(key, pairs...))
}

// Says says what a model has to say.
func (s speaker) Says(p phrase.Phrase) string { return s.words.Text(p) }

// Called is the name of a kind of news.
func (s speaker) Called(p phrase.Phrase) string { return s.words.Called(p) }

// Named is what people call a value of a set, such as a state, by itself on a line.
func (s speaker) Named(set, value string) string { return s.words.Label(set, value) }

// State, Status and Condition are the sets that there are.
func (s speaker) State(v maint.State) string { return s.Named("state", string(v)) }

// Status is that of an incident.
func (s speaker) Status(v maint.IncidentStatus) string { return s.Named("status", string(v)) }

// Condition is the status of a component, by itself.
func (s speaker) Condition(v maint.Impact) string { return s.Named("component", string(v)) }

// Lang is the language's tag.
func (s speaker) Lang() string { return s.words.Lang }

// Organization is whose pages they are.
func (s speaker) Organization() string { return s.site.Organization }

// To is the address of another page in the same language.
func (s speaker) To(path string) string { return s.site.Base() + s.prefix + path }

// File is the address of what is the same in every language.
func (s speaker) File(path string) string { return s.site.Base() + path }

// Whole is the address of a page with its host, for machines. Empty where none is known.
func (s speaker) Whole(path string) string {
	if s.site.URL == "" {
		return ""
	}
	return s.site.URL + s.prefix + path
}

// Webcal is an address that a calendar subscribes to. The address comes from lull.yaml, which takes http and https only.
func (s speaker) Webcal(path string) template.URL {
	_, rest, _ := strings.Cut(s.site.URL, "://")
	if rest == "" {
		return template.URL(s.File(path))
	}
	return template.URL("webcal://" + rest + path)
}

// Asset is the address of a file of the pages' own.
func (s speaker) Asset(name string) string { return s.File(s.site.assetPath(name)) }

// Subscribes says whether people can ask to be told.
func (s speaker) Subscribes() bool { return s.site.Subscribing != nil }

// Logo is the organisation's own, if it has one.
func (s speaker) Logo() *Logo { return s.site.Look.Logo }

// Favicon is the name of the picture that browsers show beside the title.
func (s speaker) Favicon() string { return s.site.Look.faviconName() }

// tongue is one of the languages of a page.
type tongue struct {
	Lang, Name, Path, Whole string
	Current                 bool
}

// Tongues are the languages that a page is there in. None where there is no choice.
func (s speaker) Tongues(path string) (out []tongue) {
	offered := s.site.languages()
	if len(offered) < 2 {
		return nil
	}
	for _, lang := range offered {
		other := s.site.speaker(lang)
		out = append(out, tongue{Lang: lang, Name: other.words.Name, Path: other.To(path), Whole: other.Whole(path), Current: lang == s.Lang()})
	}
	return out
}

// Length is how long something lasted.
func (s speaker) Length(d time.Duration) string { return s.words.Length(d) }

// Percent is a share of a hundred.
func (s speaker) Percent(share float64) string { return s.words.Percent(share) }

// Age says how old the page is.
func (s speaker) Age(page view.PageModel) string { return s.words.Age("stale", page.Age) }
