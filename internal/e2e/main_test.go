package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

var (
	seed = flag.Uint64("seed", 0, "seed of the moments at which lull is killed; 0 is one fixed seed, and with -long new ones")
	long = flag.Bool("long", false, "kill more often, with several seeds")
)

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if err := os.RemoveAll(built.dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

var built struct {
	once sync.Once
	dir  string
	err  error
}

// program is lull itself, built once for all tests.
func program(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "lull-e2e-"); built.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-o", filepath.Join(built.dir, "lull"), "github.com/lullhq/lull/cmd/lull")
		if out, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%w: %s", err, out)
		}
	})
	if built.err != nil {
		t.Fatalf("build lull: %v", built.err)
	}
	return filepath.Join(built.dir, "lull")
}
