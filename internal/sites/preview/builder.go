package preview

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/proc"
	"github.com/lullhq/lull/internal/sites/generator"
)

const buildDeadline = 10 * time.Minute

// builders is how many builds run side by side.
func builders() int { return max(2, runtime.NumCPU()) }

// slots let so many builds run side by side. The side that people look at goes first.
type slots struct {
	mu      sync.Mutex
	changed *sync.Cond
	free    int
	first   int // who wait and go first
}

func newSlots(n int) *slots {
	s := &slots{free: n}
	s.changed = sync.NewCond(&s.mu)
	return s
}

func (s *slots) take(first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if first {
		s.first++
	}
	for s.free == 0 || !first && s.first > 0 {
		s.changed.Wait()
	}
	s.free--
	if first {
		s.first--
	}
}

func (s *slots) give() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free++
	s.changed.Broadcast()
}

// builder builds one side, again and again.
type builder interface {
	build(ctx context.Context) error
	close()
}

func (s *side) run(ctx context.Context, path string) error {
	if s.builder == nil {
		switch s.site.Kind {
		case generator.Plain:
			s.builder = plain{s}
		case generator.Jekyll:
			s.builder = &jekyll{side: s, path: path}
		default:
			s.builder = command{s, path}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, buildDeadline)
	defer cancel()
	return s.builder.build(ctx)
}

// plain is a site that is served as it is.
type plain struct{ *side }

func (p plain) build(context.Context) error {
	return mirror(p.source, p.out, generator.Plain.Ignored, func(string, []byte) ([]byte, error) { return nil, nil })
}

func (plain) close() {}

// command is a generator that is started for each build.
type command struct {
	*side
	path string
}

func (c command) build(ctx context.Context) error {
	argv := c.site.Kind.Command(os.DirFS(c.source), c.out, c.address)
	_, err := proc.Run(ctx, proc.Cmd{Name: argv[0], Args: c.resolved(argv), Dir: c.source, Env: c.environment(c.path), Merge: true})
	if err != nil {
		return hint.Or(err, "try it by hand in "+c.site.Dir)
	}
	return nil
}

func (command) close() {}

// resolved takes the program from the path that is given: exec looks in Lull's own.
func (s *side) resolvedIn(path string, argv []string) []string {
	for _, dir := range filepath.SplitList(path) {
		full := filepath.Join(dir, argv[0])
		if info, err := os.Stat(full); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			return append([]string{full}, argv[1:]...)
		}
	}
	return argv
}

func (c command) resolved(argv []string) []string { return c.resolvedIn(c.path, argv) }

// environment is Lull's own without what would lead a generator astray, and where the theme is.
func (s *side) environment(path string) []string {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		return strings.HasPrefix(kv, "RUBYOPT=") || strings.HasPrefix(kv, "GIT_DIR=") || path != "" && strings.HasPrefix(kv, "PATH=")
	})
	if path != "" {
		env = append(env, "PATH="+path)
	}
	if s.site.Kind == generator.Hugo && s.theme != "" && s.site.ThemeName != "" {
		env = append(env, fmt.Sprintf("HUGO_MODULE_REPLACEMENTS=%s -> %s", s.site.ThemeName, s.theme))
	}
	return env
}
