package inapp

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

var now = time.Date(2026, 12, 5, 4, 0, 0, 0, time.UTC)

// Keys of the tests: two secrets and one pair.
var (
	first  = []byte(strings.Repeat("a", 32))
	second = []byte(strings.Repeat("b", 40))
	public = ed25519.NewKeyFromSeed([]byte(strings.Repeat("c", 32))).Public().(ed25519.PublicKey)
	signer = ed25519.NewKeyFromSeed([]byte(strings.Repeat("c", 32)))
)

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func theKeys(t testing.TB) Keys {
	t.Helper()
	k, err := ParseKeys("# of this year\n2026-11 HS256 " + b64(first) + "\n2026-12 HS256 " + b64(second) + "\n\npair EdDSA " + b64(public) + "\n")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sign(t testing.TB, method jwt.SigningMethod, kid string, key any, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	token.Header["kid"] = kid
	s, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func with(change jwt.MapClaims) jwt.MapClaims {
	c := jwt.MapClaims{"sub": "ann", "aud": "lull", "exp": now.Add(10 * time.Minute).Unix()}
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func TestIdentify(t *testing.T) {
	t.Parallel()
	full := with(jwt.MapClaims{"zoneinfo": "Pacific/Auckland", "locale": "de-AT", "traits": map[string]any{"plan": "pro", "seats": 12, "beta": true}})
	want := Person{ID: "ann", Language: "de", Zone: "Pacific/Auckland", Traits: map[string]string{"plan": "pro", "seats": "12", "beta": "true"}}
	for _, token := range []string{
		sign(t, jwt.SigningMethodHS256, "2026-11", first, full), sign(t, jwt.SigningMethodHS256, "2026-12", second, full), sign(t, jwt.SigningMethodEdDSA, "pair", signer, full),
	} {
		p, until, err := theKeys(t).Identify(token, now)
		if err != nil || !until.Equal(now.Add(10*time.Minute+clockSkew)) {
			t.Errorf("until %s, %v", until, err)
		}
		if diff := cmp.Diff(want, p); diff != "" {
			t.Error(diff)
		}
	}
	strange := sign(t, jwt.SigningMethodHS256, "2026-11", first, with(jwt.MapClaims{"zoneinfo": "Middle/Earth", "aud": []string{"other", "lull"}}))
	if p, _, err := theKeys(t).Identify(strange, now); err != nil || p.Zone != "" {
		t.Errorf("a zone that is none: %+v, %v", p, err)
	}
}

func TestTokensThatDoNotHold(t *testing.T) {
	t.Parallel()
	hs := func(claims jwt.MapClaims) string {
		return sign(t, jwt.SigningMethodHS256, "2026-11", first, with(claims))
	}
	many := map[string]any{}
	for i := range mostTraits + 1 {
		many[fmt.Sprint(i)] = "x"
	}
	good := hs(nil)
	for _, tt := range []struct{ name, token, says string }{
		{"nothing", "", "it is no JWT"},
		{"noise", "a.b.c", "it is no JWT"},
		{"no algorithm", sign(t, jwt.SigningMethodNone, "2026-11", jwt.UnsafeAllowNoneSignatureType, with(nil)), "its signature is another"},
		{"another HMAC", sign(t, jwt.SigningMethodHS512, "2026-11", first, with(nil)), "its signature is another"},
		{"the public key as a secret", sign(t, jwt.SigningMethodHS256, "pair", []byte(public), with(nil)), "lull knows no key of its kid and algorithm"},
		{"the key of another name", sign(t, jwt.SigningMethodHS256, "2026-12", first, with(nil)), "its signature is another"},
		{"no such key", sign(t, jwt.SigningMethodHS256, "2025-01", first, with(nil)), "lull knows no key"},
		{"no kid", sign(t, jwt.SigningMethodHS256, "", first, with(nil)), "lull knows no key"},
		{"changed", good[:len(good)-6] + "AAAAAA", "its signature is another"},
		{"ended", hs(jwt.MapClaims{"exp": now.Add(-clockSkew - time.Second).Unix()}), "it has ended"},
		{"endless", hs(jwt.MapClaims{"exp": nil}), "it lacks exp or aud"},
		{"too long", hs(jwt.MapClaims{"exp": now.Add(LongestToken + clockSkew + time.Second).Unix()}), "more than an hour"},
		{"not yet", hs(jwt.MapClaims{"nbf": now.Add(clockSkew + time.Second).Unix()}), "it has not begun"},
		{"for another", hs(jwt.MapClaims{"aud": "billing"}), `its aud is not "lull"`},
		{"for anybody", hs(jwt.MapClaims{"aud": nil}), "it lacks exp or aud"},
		{"of nobody", hs(jwt.MapClaims{"sub": nil}), "its sub"},
		{"of two lines", hs(jwt.MapClaims{"sub": "ann\nbob"}), "its sub"},
		{"of a long name", hs(jwt.MapClaims{"sub": strings.Repeat("a", longestID+1)}), "its sub"},
		{"of many traits", hs(jwt.MapClaims{"traits": many}), "its traits"},
		{"of a deep trait", hs(jwt.MapClaims{"traits": map[string]any{"a": []string{"b"}}}), "its traits"},
		{"of a long trait", hs(jwt.MapClaims{"traits": map[string]any{"a": strings.Repeat("b", longestTrait+1)}}), "its traits"},
	} {
		p, _, err := theKeys(t).Identify(tt.token, now)
		if !errors.Is(err, ErrNobody) || !strings.Contains(err.Error(), tt.says) || p.ID != "" {
			t.Errorf("%s: %+v, %v; want %q", tt.name, p, err, tt.says)
		}
	}
	// The clocks of two machines are never the same.
	if _, _, err := theKeys(t).Identify(hs(jwt.MapClaims{"exp": now.Add(-clockSkew / 2).Unix()}), now); err != nil {
		t.Error(err)
	}
}

func TestParseKeys(t *testing.T) {
	t.Parallel()
	secret := b64(first)
	for _, tt := range []struct{ text, says string }{
		{"", "there are 0 keys"},
		{"# only words", "there are 0 keys"},
		{secret, "line 1 is not a name"},
		{"a HS256 " + secret + "\na HS256 " + secret, "line 2: there are two keys"},
		{"a HS256 " + b64(first[:31]), "line 1: the secret has 31 bytes"},
		{"a HS512 " + secret, "neither HS256 nor EdDSA"},
		{"a EdDSA " + b64(second), "the public key has 40 bytes"},
		{"a HS256 *****", "the key is not base64"},
	} {
		if _, err := ParseKeys(tt.text); err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v, want %q", tt.text, err, tt.says)
		}
	}
}

// Whatever comes as a token is somebody whom a key vouches for, or nobody.
func FuzzIdentify(f *testing.F) {
	keys := theKeys(f)
	f.Add(sign(f, jwt.SigningMethodHS256, "2026-11", first, with(nil)))
	f.Add(sign(f, jwt.SigningMethodHS256, "2026-11", first, with(jwt.MapClaims{"traits": map[string]any{"a": 1e300}, "zoneinfo": "../etc"})))
	f.Add("e30.e30.")
	f.Fuzz(func(t *testing.T, token string) {
		p, until, err := keys.Identify(token, now)
		if (err == nil) != (p.ID != "") || err == nil && until.Sub(now) > LongestToken+2*clockSkew {
			t.Errorf("%q is %+v until %s, %v", token, p, until, err)
		}
	})
}
