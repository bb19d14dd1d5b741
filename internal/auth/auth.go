// Package auth says who may ask for what: tokens, their scopes and how long they
// hold, and how often a stranger may guess.
//
// It must not know of HTTP, of SQL, or of what is asked for. Time is an argument.
package auth

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/hint"
)

// Scope is one thing that a token allows.
type Scope string

// The scopes. One that says something to the public does not let its holder read, and the other way round.
const (
	Read         Scope = "read"         // what the status page shows
	ReadPrivate  Scope = "read:private" // the operator's record: steps, errors, evidence, reports. Includes Read
	Incidents    Scope = "incidents"    // open, update, resolve, explain
	Components   Scope = "components"   // set by hand, let go
	Changes      Scope = "changes"      // posts of the change log
	Maintenances Scope = "maintenances" // announce, and cancel what has not begun
	Subscribers  Scope = "subscribers"  // keep away from addresses that mail came back from
)

// Scopes lists every scope, for messages and checks.
var Scopes = []Scope{Read, ReadPrivate, Incidents, Components, Changes, Maintenances, Subscribers}

// Words writes scopes in one line.
func Words(scopes []Scope, separator string) string {
	words := make([]string, len(scopes))
	for i, s := range scopes {
		words[i] = string(s)
	}
	return strings.Join(words, separator)
}

// Token is what is kept of a token. Its secret is not: only a hash of it.
type Token struct {
	Name    string    `json:"name"`
	Scopes  []Scope   `json:"scopes"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"` // zero = never
	Used    time.Time `json:"used,omitzero"`    // last, to the minute; zero = never
	Revoked time.Time `json:"revoked,omitzero"`
}

// Allows says whether the token covers the scope.
func (t Token) Allows(s Scope) bool {
	return slices.Contains(t.Scopes, s) || s == Read && slices.Contains(t.Scopes, ReadPrivate)
}

// Holds says whether the token is good at the given instant.
func (t Token) Holds(now time.Time) bool {
	return t.Revoked.IsZero() && (t.Expires.IsZero() || now.Before(t.Expires))
}

// Conditions that a store of tokens reports.
var (
	ErrTaken   = errors.New("there is a token of that name already")
	ErrUnknown = errors.New("there is no such token")
)

// Tokens is the port of whoever keeps them.
type Tokens interface {
	// AddToken keeps a new one; ErrTaken when its name was ever used.
	AddToken(ctx context.Context, t Token, h Hash) error
	// FindToken gives the one with that hash, whether it holds or not; ErrUnknown.
	FindToken(ctx context.Context, h Hash) (Token, error)
	// ListTokens gives all, by name.
	ListTokens(ctx context.Context) ([]Token, error)
	// RevokeToken ends one at the given instant, unless it was ended before; ErrUnknown.
	RevokeToken(ctx context.Context, name string, at time.Time) error
	// TouchToken notes when it was last used.
	TouchToken(ctx context.Context, name string, at time.Time) error
}

// Issue makes a token and its secret, which nobody can be told a second time.
func Issue(name string, scopes []Scope, now, expires time.Time) (Token, Secret, error) {
	if err := proper(name, scopes); err != nil {
		return Token{}, "", err
	}
	if !expires.IsZero() && !expires.After(now) {
		return Token{}, "", hint.Errorf("leave --expires out, or write a length of time such as 90d", "the token would have expired already")
	}
	sorted := slices.Clone(scopes)
	slices.SortFunc(sorted, func(a, b Scope) int { return slices.Index(Scopes, a) - slices.Index(Scopes, b) })
	return Token{Name: name, Scopes: slices.Compact(sorted), Created: now, Expires: expires}, newSecret(), nil
}

var properName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

func proper(name string, scopes []Scope) error {
	if !properName.MatchString(name) {
		return hint.Errorf("choose a short name such as github-actions", "%q is not a name: small letters, digits and hyphens, up to 64", name)
	}
	if len(scopes) == 0 {
		return hint.Errorf("say what it may do, such as --scope read --scope incidents", "a token needs a scope")
	}
	for _, s := range scopes {
		if !slices.Contains(Scopes, s) {
			return hint.Errorf("say some of: "+Words(Scopes, ", "), "%q is not a scope", s)
		}
	}
	return nil
}

// usedEvery is how coarsely the last use is kept: a write for each request would be a write for nothing.
const usedEvery = time.Minute

// Check gives the token that a secret belongs to. ErrUnknown, whatever is wrong with it: a
// stranger is not told whether it was ever good.
//
// The secret is looked up by its hash. How long that takes tells at most how far the hash of
// a guess agrees with one that is kept, and nobody can steer the hash of a guess: with 256
// random bits behind it there is nothing to gain from the time, and none is compared.
// For the same reason one plain SHA-256 is enough: slow hashes are for what people invent.
func Check(ctx context.Context, tokens Tokens, presented string, now time.Time) (Token, error) {
	secret, err := ParseSecret(presented)
	if err != nil {
		return Token{}, err
	}
	t, err := tokens.FindToken(ctx, secret.Hash())
	if err != nil {
		return Token{}, err
	}
	if !t.Holds(now) {
		return Token{}, ErrUnknown
	}
	return t, nil
}

// Touch notes that a token was used, once a minute at most.
func Touch(ctx context.Context, tokens Tokens, t Token, now time.Time) error {
	if now.Sub(t.Used) < usedEvery {
		return nil
	}
	if err := tokens.TouchToken(ctx, t.Name, now); err != nil {
		return fmt.Errorf("note the use of token %s: %w", t.Name, err)
	}
	return nil
}
