package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"time"
)

// PageOptions are the size of the measurement.
type PageOptions struct {
	Runs    int
	Self    string // lull
	Dir     string
	Out     io.Writer
	Figures string // the file to write
}

const (
	loadLength = 5 * time.Second // of one measurement
	warmUp     = time.Second
)

// paged is one run: the same two files asked for from nginx and from Lull, turn and turn about.
type paged struct {
	page, nginxPage       float64 // requests a second
	summary, nginxSummary float64
	p99, summaryP99       float64 // ms, at half of that
}

const summaryPath = "/api/v2/summary.json"

// Page measures how many requests a second the page and its summary are answered, beside nginx with the same
// bytes in files, on the same cores, and how long an answer takes at half of that rate.
func Page(ctx context.Context, o PageOptions) (err error) {
	f, err := layFace(ctx, o.Self, filepath.Join(o.Dir, "lull"))
	if err != nil {
		return err
	}
	if err := f.serve(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.server.stop()) }()
	var files []served
	for name, path := range map[string]string{"page": "/", "summary": summaryPath} {
		b, h, err := fetch(ctx, f.url+path)
		if err != nil {
			return err
		}
		files = append(files, served{name: name, contentType: h.Get("Content-Type"), coding: h.Get("Content-Encoding"), bytes: b})
		fmt.Fprintf(o.Out, "%s: %d bytes, %s\n", path, len(b), h.Get("Content-Encoding"))
	}
	n, err := startNginx(ctx, filepath.Join(o.Dir, "nginx"), runtime.NumCPU(), files)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.server.stop()) }()
	all, err := pageRuns(ctx, o, f.url, n.url)
	if err != nil {
		return err
	}
	rows := pageRows(all)
	if err := Print(o.Out, rows); err != nil {
		return err
	}
	return Write(o.Figures, rows)
}

func pageRuns(ctx context.Context, o PageOptions, lull, nginx string) (all []paged, err error) {
	for _, url := range []string{nginx + "/page", lull + "/"} {
		if _, err := saturate(ctx, url, warmUp); err != nil {
			return nil, err
		}
	}
	for n := range o.Runs {
		var p paged
		for _, x := range []struct {
			into *float64
			url  string
		}{{&p.nginxPage, nginx + "/page"}, {&p.page, lull + "/"}, {&p.nginxSummary, nginx + "/summary"}, {&p.summary, lull + summaryPath}} {
			if *x.into, err = saturate(ctx, x.url, loadLength); err != nil {
				return nil, err
			}
		}
		if p.p99, err = paceMillis(ctx, lull+"/", p.page/2); err != nil {
			return nil, err
		}
		if p.summaryP99, err = paceMillis(ctx, lull+summaryPath, p.summary/2); err != nil {
			return nil, err
		}
		fmt.Fprintf(o.Out, "run %d of %d: the page %.0f a second, nginx %.0f; the summary %.0f, nginx %.0f; 99 of 100 within %.1f and %.1f ms at half of that\n",
			n+1, o.Runs, p.page, p.nginxPage, p.summary, p.nginxSummary, p.p99, p.summaryP99)
		all = append(all, p)
	}
	return all, nil
}

func paceMillis(ctx context.Context, url string, rate float64) (float64, error) {
	d, err := pace(ctx, url, rate, loadLength)
	return millis(d), err
}

func pageRows(all []paged) []Row {
	column := func(key, title string, of func(paged) float64) Row {
		var values []float64
		for _, p := range all {
			values = append(values, of(p))
		}
		return Row{Key: key, Title: title, Figure: Of(values)}
	}
	return []Row{
		column("page_rps", "page, requests/s", func(p paged) float64 { return p.page }),
		column("nginx_rps", "nginx with the same bytes", func(p paged) float64 { return p.nginxPage }),
		column("page_ratio", "page to nginx", func(p paged) float64 { return p.page / p.nginxPage }),
		column("summary_rps", "summary.json, requests/s", func(p paged) float64 { return p.summary }),
		column("nginx_summary_rps", "nginx with the same bytes", func(p paged) float64 { return p.nginxSummary }),
		column("summary_ratio", "summary.json to nginx", func(p paged) float64 { return p.summary / p.nginxSummary }),
		column("p99_ms", "p99 of the page at half, ms", func(p paged) float64 { return p.p99 }),
		column("summary_p99_ms", "p99 of summary.json at half, ms", func(p paged) float64 { return p.summaryP99 }),
	}
}
