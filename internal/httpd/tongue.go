package httpd

import (
	"slices"
	"sync"

	"golang.org/x/text/language"
)

const (
	maxAcceptLanguage = 200 // bytes of a header that are read; browsers send fewer than 100
	maxKnownTongues   = 512 // headers whose choice is remembered
)

// tongues chooses among the languages of the pages by what a browser says that its reader
// reads. Readers send few different headers, so their choices are remembered.
type tongues struct {
	langs   []string
	matcher language.Matcher

	mu    sync.RWMutex
	known map[string]string
}

// newTongues takes the default language first.
func newTongues(langs []string) *tongues {
	tags := make([]language.Tag, len(langs))
	for i, l := range langs {
		tags[i] = language.Make(l)
	}
	return &tongues{langs: langs, matcher: language.NewMatcher(tags), known: map[string]string{}}
}

// speaks says whether it chooses among just these; one that is not there chooses among none.
func (t *tongues) speaks(langs []string) bool { return t != nil && slices.Equal(t.langs, langs) }

// choose gives the default when nothing fits.
func (t *tongues) choose(accept string) string {
	if accept == "" || len(accept) > maxAcceptLanguage {
		return t.langs[0]
	}
	t.mu.RLock()
	lang, known := t.known[accept]
	t.mu.RUnlock()
	if !known {
		lang = t.match(accept)
		t.remember(accept, lang)
	}
	return lang
}

func (t *tongues) match(accept string) string {
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil {
		return t.langs[0]
	}
	_, i, confidence := t.matcher.Match(wanted...)
	if confidence == language.No {
		return t.langs[0]
	}
	return t.langs[i]
}

// remember forgets everything when there is too much of it: only who sends nonsense gets there.
func (t *tongues) remember(accept, lang string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.known) >= maxKnownTongues {
		clear(t.known)
	}
	t.known[accept] = lang
}
