// Package authtest holds what every auth.Tokens must do, as one suite that each adapter
// runs. It must not know which adapter it tests.
package authtest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/auth"
)

var at = time.Date(2026, 12, 5, 4, 0, 0, 123_000, time.UTC)

// Run runs the suite. Each call of open gives an empty store.
func Run(t *testing.T, open func(t *testing.T) auth.Tokens) {
	for name, f := range map[string]func(*testing.T, auth.Tokens){
		"a token comes back as it was":   testFind,
		"an unknown one is not found":    testUnknown,
		"a name is used once":            testTaken,
		"all are listed by name":         testList,
		"a token is revoked once":        testRevoke,
		"the last use is kept":           testTouch,
		"a revoked name is not reusable": testRevokedName,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, open(t))
		})
	}
}

// add issues a token and keeps it.
func add(t *testing.T, tokens auth.Tokens, name string, expires time.Time, scopes ...auth.Scope) (auth.Token, auth.Hash) {
	t.Helper()
	token, secret, err := auth.Issue(name, scopes, at, expires)
	if err != nil {
		t.Fatal(err)
	}
	if err := tokens.AddToken(t.Context(), token, secret.Hash()); err != nil {
		t.Fatal(err)
	}
	return token, secret.Hash()
}

func found(t *testing.T, tokens auth.Tokens, h auth.Hash, want auth.Token) {
	t.Helper()
	got, err := tokens.FindToken(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func is(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%v, want %v", err, want)
	}
}

func testFind(t *testing.T, tokens auth.Tokens) {
	forever, h := add(t, tokens, "forever", time.Time{}, auth.Read, auth.Incidents)
	short, h2 := add(t, tokens, "short", at.AddDate(0, 0, 90), auth.ReadPrivate)
	found(t, tokens, h, forever)
	found(t, tokens, h2, short)
}

func testUnknown(t *testing.T, tokens auth.Tokens) {
	add(t, tokens, "one", time.Time{}, auth.Read)
	_, err := tokens.FindToken(t.Context(), auth.Hash{1})
	is(t, err, auth.ErrUnknown)
	is(t, tokens.RevokeToken(t.Context(), "two", at), auth.ErrUnknown)
	is(t, tokens.TouchToken(t.Context(), "two", at), auth.ErrUnknown)
}

func testTaken(t *testing.T, tokens auth.Tokens) {
	one, h := add(t, tokens, "one", time.Time{}, auth.Read)
	is(t, tokens.AddToken(t.Context(), auth.Token{Name: "one", Scopes: []auth.Scope{auth.Changes}, Created: at}, auth.Hash{1}), auth.ErrTaken)
	found(t, tokens, h, one)
	_, err := tokens.FindToken(t.Context(), auth.Hash{1})
	is(t, err, auth.ErrUnknown)
}

func testList(t *testing.T, tokens auth.Tokens) {
	if list, err := tokens.ListTokens(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("an empty store lists %v, %v", list, err)
	}
	b, _ := add(t, tokens, "b", time.Time{}, auth.Read)
	a, _ := add(t, tokens, "a", at.Add(time.Hour), auth.Changes)
	list, err := tokens.ListTokens(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]auth.Token{a, b}, list); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func testRevoke(t *testing.T, tokens auth.Tokens) {
	one, h := add(t, tokens, "one", time.Time{}, auth.Read)
	other, h2 := add(t, tokens, "other", time.Time{}, auth.Read)
	for _, when := range []time.Time{at.Add(time.Minute), at.Add(time.Hour)} {
		if err := tokens.RevokeToken(t.Context(), "one", when); err != nil {
			t.Fatal(err)
		}
	}
	one.Revoked = at.Add(time.Minute) // the first time counts
	found(t, tokens, h, one)
	found(t, tokens, h2, other)
}

func testTouch(t *testing.T, tokens auth.Tokens) {
	one, h := add(t, tokens, "one", time.Time{}, auth.Read)
	for _, one.Used = range []time.Time{at.Add(time.Minute), at.Add(time.Hour)} {
		if err := tokens.TouchToken(t.Context(), "one", one.Used); err != nil {
			t.Fatal(err)
		}
		found(t, tokens, h, one)
	}
}

// A name in an old log must go on meaning the token that it meant.
func testRevokedName(t *testing.T, tokens auth.Tokens) {
	_, h := add(t, tokens, "one", time.Time{}, auth.Read)
	if err := tokens.RevokeToken(t.Context(), "one", at); err != nil {
		t.Fatal(err)
	}
	is(t, tokens.AddToken(t.Context(), auth.Token{Name: "one", Scopes: []auth.Scope{auth.Read}, Created: at}, auth.Hash{1}), auth.ErrTaken)
	if token, err := tokens.FindToken(t.Context(), h); err != nil || token.Holds(at.Add(time.Hour)) {
		t.Errorf("%+v, %v", token, err)
	}
}
