package maint

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// relative are words for a day that is another one for whoever reads them later.
var relative = []string{
	"today", "tonight", "tomorrow", "yesterday", "heute", "morgen", "gestern", "aujourd'hui", "demain", "ce soir", "hoy", "mañana", "ayer", "esta noche",
	"今日", "明日", "本日", "昨日", "今夜",
}

// Relative finds such a word in a text, "" = there is none. In German and Spanish the morning has the
// same word as the next day: as a noun it is let through.
func Relative(s string) string {
	text := strings.ReplaceAll(strings.ReplaceAll(s, "’", "'"), "\n", " ")
	lower := strings.ToLower(text)
	for _, word := range relative {
		for from := 0; ; {
			at := strings.Index(lower[from:], word)
			if at < 0 {
				break
			}
			at += from
			if stands(lower, at, len(word)) && !isNoun(text, lower, at, word) {
				return word
			}
			from = at + len(word)
		}
	}
	return ""
}

// stands says whether what is there is a word of its own. Scripts without spaces need none around it.
func stands(s string, at, length int) bool {
	first, _ := utf8.DecodeRuneInString(s[at:])
	if unicode.Is(unicode.Han, first) {
		return true
	}
	before, _ := utf8.DecodeLastRuneInString(s[:at])
	after, _ := utf8.DecodeRuneInString(s[at+length:])
	return !isLetter(before) && !isLetter(after)
}

func isLetter(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) }

func isNoun(text, lower string, at int, word string) bool {
	switch word {
	case "morgen":
		return len(text) == len(lower) && strings.HasPrefix(text[at:], "Morgen") && strings.HasSuffix(lower[:at], "am ")
	case "mañana":
		return strings.HasSuffix(lower[:at], "la ")
	}
	return false
}
