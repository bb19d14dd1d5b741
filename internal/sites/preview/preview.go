// Package preview builds sites from their working folders, with the banner on and with it off, serves them side by side
// on one page, and builds those anew that an edit is about: of the site itself, or of the theme that it shares.
//
// It works on mirrors, so that no working folder is written to. It must not know of git, of the record, or of the public.
package preview

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/sites/datafile"
	"github.com/lullhq/lull/internal/sites/generator"
)

// Site is a folder with the source of a site.
type Site struct {
	Name      string
	Dir       string
	Kind      generator.Kind
	Banner    string // the data file in the site, "" = it is in the theme, or there is none
	Theme     string // name of the theme, "" = none
	ThemeAt   string // folder of the theme in the site, of a submodule or a package; "" = the generator is told where it is
	ThemeName string // what the generator calls it: the Go module
}

// Theme is a folder with the source of a theme.
type Theme struct {
	Name   string
	Dir    string
	Banner string
}

// Options are what is shown.
type Options struct {
	Sites  []Site
	Themes []Theme
	Banner datafile.Banner
	Dir    string // for the mirrors and what is built
	Path   string // where programs are looked for, as in $PATH; "" = there
	Told   func(Build)
}

// Build is one that has ended.
type Build struct {
	Site  string        `json:"site"`
	On    bool          `json:"on"`
	Took  time.Duration `json:"took"`
	Error string        `json:"error,omitempty"`
	At    time.Time     `json:"at"`
	Round int           `json:"round"` // of edits; 1 is the first
}

// Preview is sites being built.
type Preview struct {
	o      Options
	sides  map[bool]map[string]*side
	slots  *slots
	server *server

	mu    sync.Mutex
	round int
	last  map[string]Build
}

// side is one site with the banner on, or off.
type side struct {
	site    Site
	on      bool
	source  string // the mirror
	theme   string // the mirror of its theme, "" = none
	out     string
	address string
	builder builder

	mu    sync.Mutex // one build at a time
	built int
}

// New makes the folders. Nothing is built yet.
func New(o Options) (*Preview, error) {
	if len(o.Sites) == 0 {
		return nil, errors.New("there is no site with a folder to build")
	}
	p := &Preview{o: o, sides: map[bool]map[string]*side{}, slots: newSlots(builders()), last: map[string]Build{}}
	for _, on := range []bool{true, false} {
		p.sides[on] = map[string]*side{}
		for _, s := range o.Sites {
			root := filepath.Join(o.Dir, word(on))
			x := &side{site: s, on: on, source: filepath.Join(root, "sites", s.Name), out: filepath.Join(root, "built", s.Name)}
			if s.Theme != "" {
				x.theme = filepath.Join(root, "themes", s.Theme)
			}
			p.sides[on][s.Name] = x
			for _, dir := range []string{x.source, x.out} {
				if err := os.MkdirAll(dir, 0o755); err != nil {
					return nil, fmt.Errorf("make a folder for the preview: %w", err)
				}
			}
		}
	}
	return p, nil
}

func word(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// Run builds, serves on the given port and the ones after it, watches, and builds again, until ctx ends. Ready is told
// the address of the page when the sites can be asked for.
func (p *Preview) Run(ctx context.Context, port int, ready func(address string)) error {
	w, err := newWatcher(p.o)
	if err != nil {
		return err
	}
	defer w.close()
	address, err := p.serve(port)
	if err != nil {
		return err
	}
	defer p.server.close()
	defer p.closeBuilders()
	p.begin()
	if ready != nil {
		ready(address)
	}
	p.build(ctx, p.all(true))
	go p.build(ctx, p.all(false))
	for {
		changed, err := w.next(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		p.begin()
		p.build(ctx, p.affected(changed, true))
		go p.build(ctx, p.affected(changed, false))
	}
}

func (p *Preview) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.round++
}

func (p *Preview) all(on bool) (out []*side) {
	for _, s := range p.o.Sites {
		out = append(out, p.sides[on][s.Name])
	}
	return out
}

// affected are the sites that an edit is about: all of those that share a theme when it is the theme's.
func (p *Preview) affected(changed map[string]bool, on bool) []*side {
	return slices.DeleteFunc(p.all(on), func(s *side) bool {
		return !changed["site/"+s.site.Name] && (s.site.Theme == "" || !changed["theme/"+s.site.Theme])
	})
}

// build brings the mirrors up to date, and builds side by side.
func (p *Preview) build(ctx context.Context, list []*side) {
	p.mu.Lock()
	round := p.round
	p.mu.Unlock()
	if err := p.mirrorThemes(list); err != nil {
		for _, s := range list {
			p.tell(s, round, time.Now(), err)
		}
		return
	}
	var wg sync.WaitGroup
	for _, s := range list {
		wg.Go(func() { p.buildOne(ctx, s, round) })
	}
	wg.Wait()
}

func (p *Preview) buildOne(ctx context.Context, s *side, round int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.built > round { // a later edit was built meanwhile
		return
	}
	p.slots.take(s.on)
	defer p.slots.give()
	begun := time.Now()
	err := p.mirrorSite(s)
	if err == nil {
		err = s.run(ctx, p.o.Path)
	}
	s.built = round
	if ctx.Err() == nil {
		p.tell(s, round, begun, err)
	}
}

func (p *Preview) tell(s *side, round int, begun time.Time, err error) {
	b := Build{Site: s.site.Name, On: s.on, Took: time.Since(begun), At: time.Now(), Round: round}
	if err != nil {
		b.Error = err.Error()
	}
	p.mu.Lock()
	p.last[s.site.Name+"/"+word(s.on)] = b
	p.mu.Unlock()
	p.server.tell(b)
	if p.o.Told != nil {
		p.o.Told(b)
	}
}

// state is the last build of each side.
func (p *Preview) state() []Build {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []Build
	for _, b := range p.last {
		out = append(out, b)
	}
	return out
}

func (p *Preview) closeBuilders() {
	for _, sides := range p.sides {
		for _, s := range sides {
			s.mu.Lock()
			if s.builder != nil {
				s.builder.close()
			}
			s.mu.Unlock()
		}
	}
}
