package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"log/slog"
	"strings"
)

// A secret is the prefix, 32 random bytes, and a checksum over both: who searches logs and
// repositories for secrets knows one when it is seen, and one that was cut short is known as such.
const (
	prefix     = "lull_"
	randomSize = 32
	sumSize    = 4
	secretSize = len(prefix) + 43 + 6 // in base64 without padding
)

// Secret is what its holder presents. It prints as *** wherever nobody asked for it by name.
type Secret string

// Hash is what is kept of a secret.
type Hash [sha256.Size]byte

// Reveal gives the secret itself, for the one time that it is shown.
func (s Secret) Reveal() string { return string(s) }

func (Secret) String() string { return "***" }

// GoString keeps it from %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue keeps it from logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText keeps it from JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Hash gives what is kept.
func (s Secret) Hash() Hash { return sha256.Sum256([]byte(s)) }

func newSecret() Secret {
	random := make([]byte, randomSize)
	_, _ = rand.Read(random) // never fails: Go 1.24 on ends the program instead
	body := prefix + base64.RawURLEncoding.EncodeToString(random)
	return Secret(body + checksum(body))
}

func checksum(body string) string {
	sum := binary.BigEndian.AppendUint32(make([]byte, 0, sumSize), crc32.ChecksumIEEE([]byte(body)))
	return base64.RawURLEncoding.EncodeToString(sum)
}

// ParseSecret knows a secret by its shape. What cannot be one is not looked up: ErrUnknown.
func ParseSecret(s string) (Secret, error) {
	if len(s) != secretSize || !strings.HasPrefix(s, prefix) {
		return "", ErrUnknown
	}
	if body := s[:secretSize-6]; s[secretSize-6:] != checksum(body) {
		return "", ErrUnknown
	}
	return Secret(s), nil
}
