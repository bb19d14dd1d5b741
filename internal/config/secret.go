package config

import (
	"fmt"
	"io"
	"log/slog"
)

const hidden = "***"

// Secret is a text that prints as *** however it is printed. The value lies behind
// a pointer, because fmt prints the unexported fields of a struct without asking them.
type Secret struct{ value *string }

// NewSecret hides a text.
func NewSecret(s string) Secret { return Secret{&s} }

// Reveal gives the text to whoever must really send it.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty says whether there is nothing to hide.
func (s Secret) Empty() bool { return s.Reveal() == "" }

func (Secret) String() string { return hidden }

// GoString covers what Format does not see, such as a debugger's print.
func (Secret) GoString() string { return hidden }

// Format prints *** for every verb, also for those that do not fit a text.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// MarshalText covers JSON, YAML and XML.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue covers every slog handler.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }
