package app

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/lullhq/lull/internal/auth"
	"github.com/lullhq/lull/internal/httpd/api"
	"github.com/lullhq/lull/internal/maint"
)

var shell = regexp.MustCompile("(?s)```sh\n(.*?)```")

// The examples of docs/api.md do what they say.
func TestAPIExamples(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("no curl on PATH: the examples are not run")
	}
	r := newRemote(t)
	all, err := r.app.CreateToken(t.Context(), "all", auth.Scopes, 0)
	check(t, err)
	text, err := os.ReadFile("../../docs/api.md")
	check(t, err)
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "plan.yaml"), []byte(thePlan), 0o600))
	blocks := shell.FindAllSubmatch(text, -1)
	if len(blocks) < 5 {
		t.Fatalf("only %d examples", len(blocks))
	}
	for _, block := range blocks[1:] { // the first one says where, and who asks
		cmd := exec.CommandContext(t.Context(), "sh", "-euc", string(block[1]))
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "LULL="+r.server.URL+api.Root, "AUTH=Authorization: Bearer "+all.Secret)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s%s", err, block[1], out)
		}
	}
	past, err := r.app.History(t.Context(), maint.IncidentID("slow-search"))
	if err != nil || len(past) != 4 {
		t.Errorf("%d entries, %v", len(past), err)
	}
}
