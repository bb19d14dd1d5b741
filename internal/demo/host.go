package demo

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v4"
)

// host serves one site, as its remote has it: a push publishes. It is no site generator:
// it shows the index page, with the banner when the data file says so.
type host struct {
	site Site

	mu     sync.Mutex
	commit string
	page   []byte
}

// banner is the data file.
type banner struct {
	Enabled bool   `yaml:"enabled"`
	Text    string `yaml:"text"`
	URL     string `yaml:"url"`
}

func decodeBanner(data []byte) (banner, error) {
	var b banner
	if err := yaml.Unmarshal(data, &b); err != nil {
		return b, fmt.Errorf("read %s: %w", bannerFile, err)
	}
	return b, nil
}

func (h *host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" {
		http.NotFound(w, r)
		return
	}
	page, err := h.current(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(page) // a reader who has gone is no error
}

// current renders the page anew when something was pushed. Asking git each time would put
// processes next to what is measured.
func (h *host) current(ctx context.Context) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	tip, err := os.ReadFile(filepath.Join(h.site.Remote, "refs", "heads", "main"))
	if err != nil {
		return nil, fmt.Errorf("look what is published: %w", err)
	}
	commit := strings.TrimSpace(string(tip))
	if commit == h.commit {
		return h.page, nil
	}
	files, err := checkout(context.WithoutCancel(ctx), h.site.Remote, commit)
	if err != nil {
		return nil, err
	}
	if h.page, err = render(files); err == nil {
		h.commit = commit
	}
	return h.page, err
}

// checkout reads the files of a commit.
func checkout(ctx context.Context, remote, commit string) (map[string][]byte, error) {
	archive, err := git(ctx, remote, "archive", "--format=tar", commit)
	if err != nil {
		return nil, fmt.Errorf("publish %s: %w", commit, err)
	}
	files := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		head, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, fmt.Errorf("publish %s: %w", commit, err)
		}
		if files[head.Name], err = io.ReadAll(r); err != nil {
			return nil, fmt.Errorf("publish %s: %w", commit, err)
		}
	}
}

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}} | {{.Site}}</title>
<style>body{font:18px/1.5 system-ui,sans-serif;margin:0}main{max-width:40em;margin:2em auto;padding:0 1em}.banner{display:block;background:#24323f;color:#fff;padding:.6em 1em;text-align:center}</style>
{{with .Banner}}{{if .Enabled}}<a class="banner" href="{{.URL}}">{{.Text}}</a>{{end}}{{end}}
<main><h1>{{.Title}}</h1>{{range .Paragraphs}}<p>{{.}}</p>{{end}}</main>
</html>
`))

func render(files map[string][]byte) ([]byte, error) {
	var site, page struct {
		Title string `yaml:"title"`
	}
	front, text, _ := strings.Cut(strings.TrimPrefix(string(files["index.md"]), "---\n"), "\n---\n")
	b, err := decodeBanner(files[bannerFile])
	if err := errors.Join(err, yaml.Unmarshal(files["_config.yml"], &site), yaml.Unmarshal([]byte(front), &page)); err != nil {
		return nil, fmt.Errorf("render the index page: %w", err)
	}
	var out bytes.Buffer
	err = pageTemplate.Execute(&out, struct {
		Site, Title string
		Banner      banner
		Paragraphs  []string
	}{site.Title, page.Title, b, strings.Split(strings.TrimSpace(text), "\n\n")})
	return out.Bytes(), err
}

// web is the demo's own HTTP servers.
type web struct{ servers []*http.Server }

// serve answers on the wished port, or on a free one when that is taken, and gives the address.
func (w *web) serve(h http.Handler, wish int) (string, error) {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", wish))
	if err != nil {
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return "", fmt.Errorf("serve a page of the demo: %w", err)
		}
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	w.servers = append(w.servers, s)
	go func() { _ = s.Serve(l) }() // it ends with Close
	return "http://" + l.Addr().String(), nil
}

func (w *web) close() error {
	var failed error
	for _, s := range w.servers {
		failed = errors.Join(failed, s.Close())
	}
	return failed
}

// firstSitePort and the ones after it are where people preview sites.
const firstSitePort = 4000

func (w *web) serveSites(sites []Site) error {
	for i := range sites {
		address, err := w.serve(&host{site: sites[i]}, firstSitePort+i)
		if err != nil {
			return err
		}
		sites[i].URL = address + "/"
	}
	return nil
}
