package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// programs are lull as it is built here: with a way to be killed at a write of its journal,
// and, only when a case asks for it, with a clock that can jump. Neither is in the lull that people get.
type programs struct {
	dir    string
	lull   func(context.Context) (string, error)
	jumper func(context.Context) (string, error)
}

const program = "github.com/lullhq/lull/cmd/lull"

func newPrograms() (*programs, error) {
	dir, err := os.MkdirTemp("", "lull-chaos-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the programs: %w", err)
	}
	p := &programs{dir: dir}
	p.lull = once(func(ctx context.Context) (string, error) {
		path := filepath.Join(dir, "lull")
		return path, build(ctx, path, "-tags", "chaos")
	})
	p.jumper = once(func(ctx context.Context) (string, error) {
		overlay, err := clockOverlay(ctx, dir)
		if err != nil {
			return "", err
		}
		path := filepath.Join(dir, "lull-jump")
		return path, build(ctx, path, "-tags", "chaos,chaosclock", "-overlay", overlay)
	})
	return p, nil
}

func (p *programs) close() error { return os.RemoveAll(p.dir) }

// once builds when first asked for, whoever asks.
func once(make func(context.Context) (string, error)) func(context.Context) (string, error) {
	var mu sync.Mutex
	var path string
	return func(ctx context.Context) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if path != "" {
			return path, nil
		}
		made, err := make(ctx)
		if err == nil {
			path = made
		}
		return made, err
	}
}

func build(ctx context.Context, path string, flags ...string) error {
	args := append([]string{"build", "-o", path}, flags...)
	out, err := exec.CommandContext(ctx, "go", append(args, program)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("build lull: %w: %s", err, out)
	}
	return nil
}

// clockOverlay is the standard library's time with a wall clock that can be set. The
// monotonic clock goes on as it did, as when somebody sets the clock of a machine.
func clockOverlay(ctx context.Context, dir string) (string, error) {
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("find Go's own source: %w", err)
	}
	file := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	source, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read Go's own source: %w", err)
	}
	const reads = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	if bytes.Count(source, []byte(reads)) != 1 {
		return "", fmt.Errorf("give lull a clock that jumps: %s does not read the clock as is known here", file)
	}
	changed := bytes.Replace(source, []byte(reads), []byte(reads+"\tsec += lullJump\n"), 1)
	changed = append(changed, "\n//go:linkname lullJump\nvar lullJump int64\n"...)
	copied, list := filepath.Join(dir, "time.go"), filepath.Join(dir, "overlay.json")
	text, err := json.Marshal(map[string]map[string]string{"Replace": {file: copied}})
	err = errors.Join(err, os.WriteFile(copied, changed, 0o600), os.WriteFile(list, text, 0o600))
	if err != nil {
		return "", fmt.Errorf("give lull a clock that jumps: %w", err)
	}
	return list, nil
}
