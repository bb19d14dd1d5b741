package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var now = time.Date(2026, 12, 5, 4, 0, 0, 0, time.UTC)

// one is a store of a single token.
type one struct {
	token   Token
	hash    Hash
	touched []time.Time
	looked  int
}

func (o *one) AddToken(context.Context, Token, Hash) error          { return nil }
func (o *one) ListTokens(context.Context) ([]Token, error)          { return []Token{o.token}, nil }
func (o *one) RevokeToken(context.Context, string, time.Time) error { return nil }

func (o *one) FindToken(_ context.Context, h Hash) (Token, error) {
	o.looked++
	if h != o.hash {
		return Token{}, ErrUnknown
	}
	return o.token, nil
}

func (o *one) TouchToken(_ context.Context, _ string, at time.Time) error {
	o.touched, o.token.Used = append(o.touched, at), at
	return nil
}

func issue(t testing.TB, expires time.Time, scopes ...Scope) (*one, string) {
	t.Helper()
	token, secret, err := Issue("ci", scopes, now, expires)
	if err != nil {
		t.Fatal(err)
	}
	return &one{token: token, hash: secret.Hash()}, secret.Reveal()
}

func TestIssueRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, token string
		scopes      []Scope
		expires     time.Time
	}{
		{"no name", "", []Scope{Read}, time.Time{}},
		{"no name for an address", "A b", []Scope{Read}, time.Time{}},
		{"no scope", "ci", nil, time.Time{}},
		{"an unknown scope", "ci", []Scope{Read, "everything"}, time.Time{}},
		{"expired already", "ci", []Scope{Read}, now},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if token, secret, err := Issue(tt.token, tt.scopes, now, tt.expires); err == nil || secret != "" || token.Name != "" {
				t.Errorf("issued %+v, %v", token, err)
			}
		})
	}
}

func TestAllows(t *testing.T) {
	t.Parallel()
	for _, have := range Scopes {
		for _, want := range Scopes {
			allowed := have == want || have == ReadPrivate && want == Read
			if got := (Token{Scopes: []Scope{have}}).Allows(want); got != allowed {
				t.Errorf("%s allows %s: %v", have, want, got)
			}
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	tokens, secret := issue(t, now.Add(time.Hour), Read, Incidents)
	if got, err := Check(t.Context(), tokens, secret, now); err != nil || got.Name != "ci" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := Check(t.Context(), tokens, secret, now.Add(time.Hour)); !errors.Is(err, ErrUnknown) {
		t.Errorf("expired: %v", err)
	}
	_, other := issue(t, time.Time{}, Read)
	if _, err := Check(t.Context(), tokens, other, now); !errors.Is(err, ErrUnknown) {
		t.Errorf("another's: %v", err)
	}
	tokens.token.Revoked = now.Add(-time.Second)
	if _, err := Check(t.Context(), tokens, secret, now); !errors.Is(err, ErrUnknown) {
		t.Errorf("revoked: %v", err)
	}
}

// What cannot be a secret costs no look-up: any one letter changed, cut or added is known.
func TestOnlySecretsAreLookedUp(t *testing.T) {
	t.Parallel()
	tokens, secret := issue(t, time.Time{}, Read)
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.IntRange(0, len(secret)-1).Draw(t, "place")
		letter := rapid.SampledFrom([]string{"", "A", "b", "7", "-", "_", " ", "\x00", "AA"}).Draw(t, "letter")
		changed := secret[:i] + letter + secret[i+1:]
		if changed == secret {
			return
		}
		if _, err := Check(context.Background(), tokens, changed, now); !errors.Is(err, ErrUnknown) {
			t.Fatalf("%q is %v", changed, err)
		}
	})
	if tokens.looked != 0 {
		t.Errorf("%d were looked up", tokens.looked)
	}
}

func FuzzParseSecret(f *testing.F) {
	_, secret := issue(f, time.Time{}, Read)
	f.Add(secret)
	f.Add("lull_")
	f.Add(strings.Repeat("lull_", 11))
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseSecret(s)
		if err == nil && (got.Reveal() != s || len(s) != secretSize) || err != nil && got != "" {
			t.Errorf("%q gave %q, %v", s, got.Reveal(), err)
		}
	})
}

func TestTouchIsCoarse(t *testing.T) {
	t.Parallel()
	tokens, _ := issue(t, time.Time{}, Read)
	for _, after := range []time.Duration{0, 30 * time.Second, 59 * time.Second, 61 * time.Second, 90 * time.Second, 121 * time.Second} {
		if err := Touch(t.Context(), tokens, tokens.token, now.Add(after)); err != nil {
			t.Fatal(err)
		}
	}
	if len(tokens.touched) != 3 {
		t.Errorf("noted at %v", tokens.touched)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	_, revealed := issue(t, time.Time{}, Read)
	secret := Secret(revealed)
	asJSON, err := json.Marshal(map[string]any{"secret": secret})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("made", "secret", secret)
	for _, out := range []string{fmt.Sprintf("%s %v %#v %q", secret, secret, secret, secret), string(asJSON), log.String()} {
		if strings.Contains(out, revealed) {
			t.Errorf("it is in %s", out)
		}
	}
	_, another := issue(t, time.Time{}, Read)
	if another == revealed {
		t.Error("two are the same")
	}
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	th := NewThrottle(10*time.Second, 3, 100)
	for i := range 3 {
		if _, ok := th.Take("a", now); !ok {
			t.Errorf("number %d is one too many", i)
		}
	}
	if wait, ok := th.Take("a", now); ok || wait != 10*time.Second {
		t.Errorf("let through %v, wait %s", ok, wait)
	}
	if _, ok := th.Take("b", now); !ok {
		t.Error("another one pays for it")
	}
	if _, ok := th.Take("a", now.Add(10*time.Second)); !ok {
		t.Error("nothing is given back")
	}
}

// However many come: memory is bounded, and who comes again and again is not forgotten.
func TestThrottleIsBounded(t *testing.T) {
	t.Parallel()
	th := NewThrottle(time.Hour, 1, 100)
	th.Take("often", now)
	for i := range 10_000 {
		th.Take(fmt.Sprint(i), now)
		if _, ok := th.Take("often", now); ok {
			t.Fatalf("forgotten after %d others", i)
		}
		if n := len(th.young) + len(th.old); n > 200 {
			t.Fatalf("%d are kept", n)
		}
	}
}

// Who guesses is slowed down. Who has a token is not, also when both come from one proxy.
func TestGate(t *testing.T) {
	t.Parallel()
	tokens, secret := issue(t, time.Time{}, Read)
	g := NewGate(tokens)
	enter := func(from, presented string, at time.Time) error {
		_, err := g.Enter(t.Context(), from, presented, at)
		return err
	}
	if err := enter("proxy", secret, now); err != nil {
		t.Fatal(err)
	}
	_, other := issue(t, time.Time{}, Read)
	for range guessBurst {
		if err := enter("proxy", other, now); !errors.Is(err, ErrUnknown) {
			t.Fatal(err)
		}
	}
	var many *TooMany
	if err := enter("proxy", other, now); !errors.As(err, &many) || many.Wait != guessEvery {
		t.Errorf("one guess too many: %v", err)
	}
	if err := enter("proxy", secret, now); err != nil {
		t.Errorf("a good token has to wait: %v", err)
	}
	if err := enter("elsewhere", other, now); !errors.Is(err, ErrUnknown) {
		t.Errorf("another address pays for it: %v", err)
	}
	if err := enter("proxy", other, now.Add(guessEvery)); !errors.Is(err, ErrUnknown) {
		t.Errorf("later: %v", err)
	}
	tokens.token.Revoked = now
	if err := enter("elsewhere", secret, now); !errors.Is(err, ErrUnknown) {
		t.Errorf("revoked, and yet: %v", err)
	}
}
