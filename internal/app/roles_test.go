package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/roles"
)

// TestHand gives a password to everywhere it can go, and to nowhere else: what a hook says when it fails may have it in it.
func TestHand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := roles.Secret{Role: "web:app", Password: `Kah7\:quoo9`, Verifier: "SCRAM-SHA-256$4096:x$y:z"}
	file := filepath.Join(dir, "new.pgpass")
	out, err := newSecretFile(file)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	printed := ""
	show := func(_ string, p config.Secret) error { printed = p.Reveal(); return nil }
	hook := []string{"sh", "-c", "cat > told"}
	if err := hand(t.Context(), hook, dir, out, show, s); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"new.pgpass": "*:*:*:web\\:app:Kah7\\\\\\:quoo9\n",
		"told":       `{"password":"Kah7\\:quoo9","role":"web:app","verifier":"SCRAM-SHA-256$4096:x$y:z"}` + "\n",
	} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(got) != want {
			t.Errorf("%s has %q, %v", name, got, err)
		}
	}
	if printed != s.Password {
		t.Errorf("printed: %q", printed)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	if _, err := newSecretFile(file); err == nil {
		t.Error("a file that is there was written over")
	}
	err = hand(t.Context(), []string{"sh", "-c", "cat >&2; exit 3"}, dir, nil, nil, s)
	if err == nil || strings.Contains(err.Error(), "quoo9") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("a hook that fails: %v", err)
	}
}
