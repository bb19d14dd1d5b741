package security

import (
	"crypto/md5"
	"encoding/hex"
	"testing"
)

// pencil is the example of RFC 7677, section 3, as PostgreSQL keeps it.
const pencil = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

func TestProves(t *testing.T) {
	t.Parallel()
	sum := md5.Sum([]byte("secretann"))
	old := "md5" + hex.EncodeToString(sum[:])
	for _, c := range []struct {
		verifier, role, password string
		want                     bool
	}{
		{pencil, "user", "pencil", true}, {pencil, "user", "pencils", false}, {pencil, "user", "", false},
		{old, "ann", "secret", true}, {old, "bob", "secret", false},
		{"", "ann", "", false}, {"secret", "ann", "secret", false},
	} {
		if got := Proves(c.verifier, c.role, c.password); got != c.want {
			t.Errorf("%q proves %q of %s: %v", c.verifier, c.password, c.role, got)
		}
	}
}

func FuzzReadScram(f *testing.F) {
	f.Add(pencil)
	f.Add("SCRAM-SHA-256$99999999999:AA==$:")
	f.Fuzz(func(t *testing.T, s string) {
		if v, ok := readScram(s); ok && (v.iterations < 1 || v.iterations > mostIterations || len(v.stored) != 32) {
			t.Errorf("%q gave %+v", s, v)
		}
	})
}

func FuzzAuthEntries(f *testing.F) {
	f.Add("\"ann\" \"secret\"\n; \"no\"\n\"bo\"\"b\" \"md5x\" more\n")
	f.Fuzz(func(t *testing.T, s string) {
		for _, e := range authEntries(s) {
			if len(e.role)+len(e.secret) > len(s) {
				t.Errorf("%q gave %+v", s, e)
			}
		}
	})
}

func TestAuthEntries(t *testing.T) {
	t.Parallel()
	got := authEntries("\"ann\" \"secret\"\n; a comment\n  \"bo\"\"b\"\t\"x\"\"y\" more\nbare words\n")
	if len(got) != 2 || got[0] != (authEntry{"ann", "secret"}) || got[1] != (authEntry{`bo"b`, `x"y`}) {
		t.Errorf("got %+v", got)
	}
}
