package live

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/time/rate"

	"github.com/lullhq/lull/internal/hint"
)

const (
	mostPage      = 4 << 20
	mostSitemap   = 50 << 20 // of sitemaps.org's protocol
	mostSitemaps  = 50
	mostRedirects = 4
)

// fetcher asks one host, not too often.
type fetcher struct {
	client *http.Client
	host   string
	limit  *rate.Limiter
}

// answered is an answer that is no page.
type answered struct{ code int }

func (e answered) Error() string {
	return fmt.Sprintf("it answers %d %s", e.code, http.StatusText(e.code))
}

var errElsewhere = errors.New("it leads to another host")

// get fetches an address of the host. Redirects are followed within the host alone.
func (f fetcher) get(ctx context.Context, address string, most int64) ([]byte, error) {
	for range mostRedirects {
		resp, err := f.ask(ctx, address)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
		_ = resp.Body.Close() // it was read
		location, errLocation := resp.Location()
		switch {
		case err != nil:
			return nil, err
		case resp.StatusCode/100 == 3 && errLocation == nil:
			if location.Host != f.host {
				return nil, fmt.Errorf("%w: %s", errElsewhere, location.Host)
			}
			address = location.String()
			continue
		case resp.StatusCode != http.StatusOK:
			return nil, answered{resp.StatusCode}
		case int64(len(body)) > most:
			return nil, fmt.Errorf("it is larger than %d MiB", most>>20)
		}
		return body, nil
	}
	return nil, errors.New("it leads from one address to the next")
}

func (f fetcher) ask(ctx context.Context, address string) (*http.Response, error) {
	if err := f.limit.Wait(ctx); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "Lull (is the banner there)")
	req.Header.Set("Cache-Control", "no-cache")
	resp, err := f.client.Do(req)
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err // the address is named by whoever tells of it
	}
	return resp, err
}

// sitemap gives the pages that the site names. A site that names none has its front page.
func (f fetcher) sitemap(ctx context.Context, base *url.URL, named string) ([]string, error) {
	first := named
	if first == "" {
		first = base.JoinPath("sitemap.xml").String()
	}
	pages, err := f.collect(ctx, first)
	var missing answered
	if named == "" && errors.As(err, &missing) && missing.code == http.StatusNotFound {
		if first, err = f.robots(ctx, base); err != nil || first == "" {
			return nil, err
		}
		pages, err = f.collect(ctx, first)
	}
	if err != nil {
		return nil, hint.Or(fmt.Errorf("read the sitemap %s: %w", first, err), "look at it in a browser; name it as `sitemap` when it is elsewhere")
	}
	return pages, nil
}

// robots gives the sitemap that robots.txt names, or "" (RFC 9309 leaves the line to sitemaps.org).
func (f fetcher) robots(ctx context.Context, base *url.URL) (string, error) {
	body, err := f.get(ctx, base.Scheme+"://"+base.Host+"/robots.txt", mostPage)
	var missing answered
	if errors.As(err, &missing) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(body)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(strings.TrimSpace(key), "sitemap") {
			return strings.TrimSpace(value), nil
		}
	}
	return "", nil
}

// collect follows a sitemap, and those that an index names.
func (f fetcher) collect(ctx context.Context, first string) ([]string, error) {
	var pages []string
	seen, foreign := map[string]bool{}, ""
	queue := []string{first}
	for n := 0; len(queue) > 0 && n < mostSitemaps && len(pages) <= mostPages; n++ {
		at := queue[0]
		queue = queue[1:]
		body, err := f.get(ctx, at, mostSitemap)
		if err != nil {
			return nil, err
		}
		index, locs, err := parseSitemap(body)
		if err != nil {
			return nil, err
		}
		for _, loc := range locs {
			u, err := url.Parse(loc)
			switch {
			case err != nil || seen[loc]:
			case u.Host != f.host:
				foreign = u.Host
			case index:
				queue = append(queue, loc)
			default:
				u.Fragment = ""
				pages = append(pages, u.String())
			}
			seen[loc] = true
		}
	}
	if len(pages) == 0 && foreign != "" {
		return nil, hint.Errorf("correct `url` of the site", "it names pages of %s alone, and the site is at %s", foreign, f.host)
	}
	return pages, nil
}

// parseSitemap reads a sitemap or an index of some (sitemaps.org, 0.9), packed or not.
func parseSitemap(data []byte) (index bool, locs []string, err error) {
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return false, nil, err
		}
		if data, err = io.ReadAll(io.LimitReader(z, mostSitemap)); err != nil {
			return false, nil, err
		}
	}
	var file struct {
		XMLName xml.Name
		URLs    []struct {
			Loc string `xml:"loc"`
		} `xml:"url"`
		Sitemaps []struct {
			Loc string `xml:"loc"`
		} `xml:"sitemap"`
	}
	if err := xml.Unmarshal(data, &file); err != nil {
		return false, nil, fmt.Errorf("it is no XML: %w", err)
	}
	for _, l := range append(file.URLs, file.Sitemaps...) {
		if loc := strings.TrimSpace(l.Loc); loc != "" && len(locs) <= mostPages {
			locs = append(locs, loc)
		}
	}
	switch file.XMLName.Local {
	case "urlset":
		return false, locs, nil
	case "sitemapindex":
		return true, locs, nil
	}
	return false, nil, fmt.Errorf("it is no sitemap, it begins with <%s>", file.XMLName.Local)
}
