package tryout

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/lullhq/lull/internal/checks"
)

// What pg_upgrade says differs: up to 16 a check has failed by the word at the end of its line, and from 17 on those of
// data types are named behind the one that runs them all.
func TestRefusals(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "tables_using_reg.txt")
	if err := os.WriteFile(file, []byte("In database: app\n  public.called.f\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const regs = "reg* data types in user tables"
	listed := "\n\nYour installation contains one of the reg* data types in user tables.\n\nA list of the problem columns is in the file:\n    " + file + "\n\nFailure, exiting\n"
	for name, c := range map[string]struct {
		said string
		want []checks.Object
	}{
		"16": {"Checking cluster versions                                   ok\nChecking for reg* data types in user tables                 fatal" + listed, []checks.Object{{Name: regs, Detail: "In database: app public.called.f"}}},
		"17": {"Checking cluster versions                                     ok\nChecking data type usage                                      failed check: Checking for reg* data types in user tables\n\nData type checks failed: " + listed,
			[]checks.Object{{Name: regs, Detail: "In database: app public.called.f"}}},
		"no list": {"Checking for prepared transactions                          fatal\n\nThe source cluster contains prepared transactions\nFailure, exiting\n",
			[]checks.Object{{Name: "prepared transactions", Detail: "The source cluster contains prepared transactions Failure, exiting"}}},
		"no check": {"\ncould not open version file\nFailure, exiting\n", []checks.Object{{Name: "pg_upgrade", Detail: "could not open version file Failure, exiting"}}},
		"nothing":  {"", []checks.Object{{Name: "pg_upgrade", Detail: "exit status 1"}}},
	} {
		if got := refusals([]byte(c.said), errors.New("exit status 1")); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
