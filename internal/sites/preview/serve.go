package preview

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/lullhq/lull/internal/hint"
)

//go:embed page.html page.css page.js
var assets embed.FS

var pageTemplate = template.Must(template.ParseFS(assets, "page.html"))

// widths are those that the sites are shown at: a telephone, a tablet, a desk.
var widths = []int{360, 768, 1280}

// server is the page, and each site with the banner on and off at an address of its own: a site's links begin at its root.
type server struct {
	servers []*http.Server
	page    []byte

	mu        sync.Mutex
	listeners map[chan Build]bool
}

// shown is a site as the page has it.
type shown struct {
	Name string
	On   string
	Off  string
}

// serve opens all addresses. The page is at the first one; a taken port gives way to a free one.
func (p *Preview) serve(port int) (string, error) {
	s := &server{listeners: map[chan Build]bool{}}
	p.server = s
	page, err := listen(port)
	if err != nil {
		return "", err
	}
	var list []shown
	for i, site := range p.o.Sites {
		row := shown{Name: site.Name}
		for n, on := range []bool{true, false} {
			l, err := listen(after(port, 1+i+n*len(p.o.Sites)))
			if err != nil {
				return "", errors.Join(err, page.Close())
			}
			x := p.sides[on][site.Name]
			x.address = "http://" + l.Addr().String() + "/"
			if row.Off = x.address; on {
				row.On = x.address
			}
			s.start(l, x)
		}
		list = append(list, row)
	}
	if s.page, err = renderPage(list); err != nil {
		return "", errors.Join(err, page.Close())
	}
	s.start(page, p.handler())
	return "http://" + page.Addr().String() + "/", nil
}

// after is a port behind another one; behind any free one it is any free one.
func after(port, n int) int {
	if port == 0 {
		return 0
	}
	return port + n
}

func listen(port int) (net.Listener, error) {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return nil, fmt.Errorf("serve the preview: %w", err)
	}
	return l, nil
}

// start serves on this machine alone: a page elsewhere that gets its name to point here is turned away.
func (s *server) start(l net.Listener, h http.Handler) {
	local := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host, _, err := net.SplitHostPort(r.Host); err != nil || host != "127.0.0.1" && host != "localhost" {
			http.Error(w, "this is a preview for this machine", http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
	x := &http.Server{Handler: local, ReadHeaderTimeout: 5 * time.Second}
	s.servers = append(s.servers, x)
	go func() { _ = x.Serve(l) }() // it ends with close
}

func (s *server) close() {
	for _, x := range s.servers {
		_ = x.Close() // a browser that is still there is no reason to stay
	}
}

func renderPage(list []shown) ([]byte, error) {
	var out strings.Builder
	css, err := assets.ReadFile("page.css")
	if err != nil {
		return nil, err
	}
	err = pageTemplate.Execute(&out, map[string]any{"Sites": list, "Widths": widths, "CSS": template.CSS(css)}) //nolint:gosec // it is our own
	return []byte(out.String()), err
}

func (p *Preview) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; frame-src http://127.0.0.1:*")
		_, _ = w.Write(p.server.page)
	})
	mux.HandleFunc("GET /page.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, assets, "page.js")
	})
	mux.HandleFunc("GET /builds", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(p.state())
	})
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) {
		if err := p.events(r.Context(), w); err != nil && r.Context().Err() == nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	return mux
}

// events tells of every build: those that have been, and each as it ends.
func (p *Preview) events(ctx context.Context, w http.ResponseWriter) error {
	flush := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	c := make(chan Build, 4*len(p.o.Sites)+16)
	p.server.listen(c, true)
	defer p.server.listen(c, false)
	send := func(b Build) error {
		line, err := json.Marshal(b)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "data: %s\n\n", line); err != nil {
			return err
		}
		return flush.Flush()
	}
	for _, b := range p.state() {
		if err := send(b); err != nil {
			return err
		}
	}
	if err := flush.Flush(); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case b := <-c:
			if err := send(b); err != nil {
				return err
			}
		}
	}
}

func (s *server) listen(c chan Build, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if on {
		s.listeners[c] = true
	} else {
		delete(s.listeners, c)
	}
}

// tell gives a build to all pages that listen. One that does not read misses it, and asks anew when it comes back.
func (s *server) tell(b Build) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.listeners {
		select {
		case c <- b:
		default:
		}
	}
}

// ServeHTTP gives what was built.
func (s *side) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	root, err := os.OpenRoot(s.out)
	if err != nil {
		http.Error(w, "it is not built yet", http.StatusServiceUnavailable)
		return
	}
	defer root.Close()
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	files := root.FS()
	if name == "" {
		name = "."
	}
	if info, err := fs.Stat(files, name); err == nil && !info.IsDir() || strings.HasSuffix(r.URL.Path, "/") || name == "." {
		http.FileServerFS(files).ServeHTTP(w, r)
		return
	} else if err == nil {
		http.Redirect(w, r, r.URL.Path+"/", http.StatusMovedPermanently)
		return
	}
	if info, err := fs.Stat(files, name+".html"); err == nil && !info.IsDir() { // hosts leave the ending out
		http.ServeFileFS(w, r, files, name+".html")
		return
	}
	http.NotFound(w, r)
}

// Source names the folder of a site for the preview, or says why it has none.
func Source(repository string) (string, error) {
	if info, err := os.Stat(repository); err != nil || !info.IsDir() {
		return "", hint.Errorf("clone it, and name the folder of the clone as `repository`, to see it here", "it is no folder on this machine")
	}
	return filepath.Clean(repository), nil
}
