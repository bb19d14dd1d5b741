package public

import (
	"slices"

	"github.com/lullhq/lull/internal/subscribe"
	"github.com/lullhq/lull/internal/view"
)

// Subscribing is what people may ask to be told, and how.
type Subscribing struct {
	Ways       []subscribe.Way
	Components []view.Listed
}

// Subscription is what a page about one has to show.
type Subscription struct {
	Lang   string
	Title  string                // keys of phrases: "told.title"
	Text   string                // under the title, "" = nothing
	Action string                // address below the page that the form goes to, "" = there is no form
	Held   *subscribe.Subscriber // who has the link; nil = a stranger
	Way    subscribe.Way         // as a stranger chose it
	Choice subscribe.Choice
	Wrong  bool // what was sent could not be taken
}

// option is one thing that can be chosen.
type option struct {
	Value, Name string
	On          bool
}

// subscription is the page's own model.
type subscription struct {
	speaker
	Subscription
	Ways, Kinds, Components, Languages []option
}

// Subscription renders a page about a subscription.
func (s Site) Subscription(x Subscription) ([]byte, error) {
	say := s.speaker(x.Lang)
	b := subscription{speaker: say, Subscription: x}
	if s.Subscribing != nil {
		for i, w := range s.Subscribing.Ways {
			b.Ways = append(b.Ways, option{string(w), say.T("told.way." + string(w)), w == x.Way || x.Way == "" && i == 0})
		}
		for _, c := range s.Subscribing.Components {
			b.Components = append(b.Components, option{c.ID, c.Name, slices.Contains(x.Choice.Components, c.ID)})
		}
	}
	for _, k := range subscribe.Kinds {
		b.Kinds = append(b.Kinds, option{string(k), say.T("told.kind." + string(k)), x.Choice.Wants(k)})
	}
	chosen := x.Choice.Language
	if chosen == "" {
		chosen = say.Lang()
	}
	for _, lang := range s.languages() {
		b.Languages = append(b.Languages, option{lang, s.speaker(lang).words.Name, lang == chosen})
	}
	return leaf{speaker: say, Title: say.T(x.Title), Path: "/subscribe", Body: b}.write("subscription")
}

// Confirmed says whether the holder has confirmed.
func (b subscription) Confirmed() bool { return b.Held != nil && b.Held.State == subscribe.Active }

// Suppressed says whether nothing is sent to the holder.
func (b subscription) Suppressed() bool { return b.Held != nil && b.Held.State == subscribe.Suppressed }
