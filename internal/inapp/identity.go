package inapp

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
)

// What a product may say of somebody, and for how long.
const (
	LongestToken = time.Hour        // from now to its end
	clockSkew    = 30 * time.Second // between the product's clock and ours
	audience     = "lull"           // of the token: one for another purpose is none of ours
	mostKeys     = 16
	leastSecret  = 32 // bytes of a shared secret: as many as its hash has (RFC 7518, section 3.2)
	longestID    = 200
	mostTraits   = 20
	longestTrait = 100
)

// Keys are what the tokens of a product are checked with, by the name that a token gives its key ("kid"). With two of them
// there is a time in which both hold, so that one can take the other's place.
type Keys struct{ byName map[string]key }

// key holds for one algorithm alone, whatever a token says of itself.
type key struct {
	alg   string
	value any
}

// ParseKeys reads one key a line: its name, the algorithm, and the key in base64. HS256 has a secret of 32 bytes
// or more, EdDSA the 32 bytes of a public key (RFC 8032). Lines that begin with # are for people. Errors repeat no key.
func ParseKeys(text string) (Keys, error) {
	keys := Keys{byName: map[string]key{}}
	for i, line := range strings.Split(text, "\n") {
		f := strings.Fields(line)
		if len(f) == 0 || strings.HasPrefix(f[0], "#") {
			continue
		}
		if len(f) != 3 {
			return keys, fmt.Errorf("line %d is not a name, an algorithm and a key", i+1)
		}
		if _, twice := keys.byName[f[0]]; twice {
			return keys, fmt.Errorf("line %d: there are two keys of one name", i+1)
		}
		k, err := parseKey(f[1], f[2])
		if err != nil {
			return keys, fmt.Errorf("line %d: %w", i+1, err)
		}
		keys.byName[f[0]] = k
	}
	if n := len(keys.byName); n == 0 || n > mostKeys {
		return keys, fmt.Errorf("there are %d keys, and 1 to %d are wanted", n, mostKeys)
	}
	return keys, nil
}

func parseKey(alg, text string) (key, error) {
	b, err := base64.StdEncoding.DecodeString(text)
	switch {
	case err != nil:
		return key{}, errors.New("the key is not base64")
	case alg == "HS256" && len(b) >= leastSecret:
		return key{alg, b}, nil
	case alg == "HS256":
		return key{}, fmt.Errorf("the secret has %d bytes, and %d are the least", len(b), leastSecret)
	case alg == "EdDSA" && len(b) == ed25519.PublicKeySize:
		return key{alg, ed25519.PublicKey(b)}, nil
	case alg == "EdDSA":
		return key{}, fmt.Errorf("the public key has %d bytes and not %d", len(b), ed25519.PublicKeySize)
	}
	return key{}, errors.New("the algorithm is neither HS256 nor EdDSA")
}

// ErrNobody says that a token does not tell who somebody is. What wraps it says why, in words that can be sent back.
var ErrNobody = errors.New("the token does not hold")

// claims are those that are read. Names are OpenID Connect's where it has one (Core 1.0, section 5.1).
type claims struct {
	jwt.RegisteredClaims
	Zone     string         `json:"zoneinfo"`
	Language string         `json:"locale"`
	Traits   map[string]any `json:"traits"`
}

// Identify says who holds a token (JWT, RFC 7519), and until when that is so.
func (k Keys) Identify(token string, now time.Time) (Person, time.Time, error) {
	var c claims
	p := jwt.NewParser(jwt.WithValidMethods([]string{"HS256", "EdDSA"}), jwt.WithExpirationRequired(), jwt.WithAudience(audience),
		jwt.WithLeeway(clockSkew), jwt.WithStrictDecoding(), jwt.WithTimeFunc(func() time.Time { return now }))
	if _, err := p.ParseWithClaims(token, &c, k.pick); err != nil {
		return Person{}, time.Time{}, nobody(reason(err))
	}
	until := c.ExpiresAt.Time
	switch {
	case until.Sub(now) > LongestToken+clockSkew:
		return Person{}, until, nobody("it ends more than an hour from now")
	case !isLine(c.Subject, longestID):
		return Person{}, until, nobody("its sub is not one line of 1 to 200 bytes")
	}
	person := Person{ID: c.Subject, Language: language(c.Language), Traits: map[string]string{}}
	if _, err := time.LoadLocation(c.Zone); err == nil && c.Zone != "" && c.Zone != "Local" {
		person.Zone = c.Zone
	}
	for name, v := range c.Traits {
		text, plain := trait(v)
		if len(person.Traits) == mostTraits || !plain || !isLine(name, longestTrait) || len(text) > longestTrait {
			return Person{}, until, nobody("its traits are not 20 texts, numbers and yes or no at most, of 100 bytes each")
		}
		person.Traits[name] = text
	}
	return person, until.Add(clockSkew), nil
}

// pick gives the key that a token names, if it is one for the token's algorithm.
func (k Keys) pick(t *jwt.Token) (any, error) {
	name, _ := t.Header["kid"].(string)
	found, known := k.byName[name]
	if !known || found.alg != t.Method.Alg() {
		return nil, errNoKey
	}
	return found.value, nil
}

var errNoKey = errors.New("no key of that name and algorithm")

func nobody(why string) error { return fmt.Errorf("%w: %s", ErrNobody, why) }

// reason is what a product's developer has to know; the library's own words may repeat parts of the token.
func reason(err error) string {
	for _, r := range []struct {
		is   error
		says string
	}{
		{errNoKey, "lull knows no key of its kid and algorithm"},
		{jwt.ErrTokenMalformed, "it is no JWT"},
		{jwt.ErrTokenSignatureInvalid, "its signature is another"},
		{jwt.ErrTokenExpired, "it has ended"},
		{jwt.ErrTokenNotValidYet, "it has not begun"},
		{jwt.ErrTokenRequiredClaimMissing, "it lacks exp or aud"},
		{jwt.ErrTokenInvalidAudience, `its aud is not "lull"`},
	} {
		if errors.Is(err, r.is) {
			return r.says
		}
	}
	return "it cannot be read"
}

func isLine(s string, most int) bool {
	return s != "" && len(s) <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// trait is a value as lull.yaml writes it.
func trait(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}

// language is the first part of a tag: "de-AT" is "de".
func language(tag string) string {
	first, _, _ := strings.Cut(strings.ReplaceAll(tag, "_", "-"), "-")
	return strings.ToLower(first)
}
