// Package phrase has every word of the interface, in every language: headlines, states, labels, and
// how dates and lengths of time are written. Each phrase is whole in its language: none is put together
// from parts that another language would put in another order.
//
// It must not know what is said with its words: no domain, no page. What people publish does not pass
// through it, because that stays in the words in which it was said.
package phrase

import (
	"fmt"
	"html/template"
	"strings"
)

// Phrase is something to say, in whichever language.
type Phrase struct {
	Key  string
	Args Args
}

// Args fill the places of a phrase: {name} takes what Args has for "name". An int for "n"
// also chooses between one and many.
type Args map[string]any

// Say makes a phrase. Pairs are names of places and what belongs there.
func Say(key string, pairs ...any) Phrase {
	p := Phrase{Key: key}
	for i := 0; i+1 < len(pairs); i += 2 {
		if p.Args == nil {
			p.Args = Args{}
		}
		p.Args[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return p
}

// Text says it as plain text.
func (c *Catalogue) Text(p Phrase) string {
	return fill(c.pick(p), p.Args, func(v any) string { return fmt.Sprint(v) })
}

// HTML says it as markup: what is template.HTML goes in as it is, all else is escaped.
func (c *Catalogue) HTML(p Phrase) template.HTML {
	return template.HTML(fill(template.HTMLEscapeString(c.pick(p)), p.Args, func(v any) string {
		if h, ok := v.(template.HTML); ok {
			return string(h)
		}
		return template.HTMLEscapeString(fmt.Sprint(v))
	}))
}

// fill puts arguments into the places of a text. Nothing in an argument counts as a place.
func fill(text string, args Args, write func(any) string) string {
	var out strings.Builder
	for {
		before, rest, open := strings.Cut(text, "{")
		name, after, closed := strings.Cut(rest, "}")
		v, known := args[name]
		if !open || !closed || !known {
			out.WriteString(text)
			return out.String()
		}
		out.WriteString(before)
		out.WriteString(write(v))
		text = after
	}
}
