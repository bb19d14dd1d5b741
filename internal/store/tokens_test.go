package store_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/auth"
	"github.com/lullhq/lull/internal/auth/authtest"
)

func testTokens(t *testing.T, h home) {
	authtest.Run(t, func(t *testing.T) auth.Tokens { return h.openNew(t) })
}

// Whoever steals the file has stolen no token.
func TestSecretsAreNotInTheFile(t *testing.T) {
	t.Parallel()
	h := inFiles(t)
	path := h.place(t)
	s := h.open(t, path)
	token, secret, err := auth.Issue("ci", []auth.Scope{auth.Read}, time.Now(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.AddToken(t.Context(), token, secret.Hash()); err != nil {
		t.Fatal(err)
	}
	if err := auth.Touch(t.Context(), s, token, time.Now()); err != nil {
		t.Fatal(err)
	}
	kept := secret.Hash()
	files, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	hashed := false
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, []byte(secret.Reveal())) || bytes.Contains(content, []byte(secret.Reveal()[len("lull_"):20])) {
			t.Errorf("the secret is in %s", filepath.Base(file))
		}
		hashed = hashed || bytes.Contains(content, kept[:])
	}
	if !hashed {
		t.Errorf("the hash is in none of %v", files)
	}
}
