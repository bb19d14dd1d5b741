package httpd

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// counts are what the server counts while it works. They are plain numbers: counting must cost the
// page nothing, whether anybody reads the figures or not.
type counts struct {
	files, unchanged, others atomic.Int64 // answers
	failed                   atomic.Int64 // files that could not be rendered
	unread                   atomic.Int64 // looks at the record that failed
	pushed, unpushed         atomic.Int64 // snapshots
}

// Pushed counts a snapshot that was pushed elsewhere, or was to be.
func (s *Server) Pushed(err error) {
	if err != nil {
		s.counts.unpushed.Add(1)
	} else {
		s.counts.pushed.Add(1)
	}
}

// ServeMetrics answers with the server's figures, in the text format of Prometheus, until ctx ends. They have a listener of
// their own: who may read them is decided by where it listens.
func (s *Server) ServeMetrics(ctx context.Context, ln net.Listener) {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry(), promhttp.HandlerOpts{}))
	srv := &http.Server{
		Handler: s.guarded(mux), ReadTimeout: s.http.ReadTimeout, WriteTimeout: s.http.WriteTimeout,
		IdleTimeout: s.http.IdleTimeout, MaxHeaderBytes: maxHeader, ErrorLog: s.http.ErrorLog,
	}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		s.opts.Log.Error("the metrics are not served any more", "error", err)
	}
}

func (s *Server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.guards.set(w.Header())
		next.ServeHTTP(w, r)
	})
}

// registry is not the global one: only what is named here is told.
func (s *Server) registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s.answers(r)
	s.listening(r)
	s.reading(r)
	if s.opts.Probes != nil {
		r.MustRegister(probeCounts(s.opts.Probes))
	}
	return r
}

func (s *Server) answers(r *prometheus.Registry) {
	for kind, n := range map[string]*atomic.Int64{
		"file": &s.counts.files, "not_modified": &s.counts.unchanged, "other": &s.counts.others, "failed": &s.counts.failed,
	} {
		r.MustRegister(counter("lull_http_answers_total", "Answers of the public face, by kind.", prometheus.Labels{"kind": kind}, n))
	}
	for outcome, n := range map[string]*atomic.Int64{"pushed": &s.counts.pushed, "failed": &s.counts.unpushed} {
		r.MustRegister(counter("lull_snapshot_pushes_total", "Snapshots of the public face that were pushed elsewhere, by outcome.", prometheus.Labels{"outcome": outcome}, n))
	}
}

func (s *Server) listening(r *prometheus.Registry) {
	r.MustRegister(
		gauge("lull_event_listeners", "Connections that listen to events.", func() float64 { return float64(s.hub.count.Load()) }),
		counter("lull_events_sent_total", "Events that were written to listeners.", nil, &s.hub.sent),
		counter("lull_event_listeners_dropped_total", "Listeners that were let go because they did not keep up or had gone.", nil, &s.hub.dropped),
	)
}

func (s *Server) reading(r *prometheus.Registry) {
	r.MustRegister(
		counter("lull_record_read_failures_total", "Looks at the record that failed.", nil, &s.counts.unread),
		gauge("lull_record_seq", "Position in the record that the page tells of.", func() float64 {
			if snap := s.snap.Load(); snap != nil {
				return float64(snap.seq())
			}
			return 0
		}),
		gauge("lull_page_age_seconds", "How long ago the record could last be read; -1 when it never could.", func() float64 {
			read := s.readAt.Load()
			if read == nil {
				return -1
			}
			return max(0, s.opts.Now().Sub(*read)).Seconds()
		}),
	)
}

func counter(name, help string, labels prometheus.Labels, n *atomic.Int64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels}, func() float64 { return float64(n.Load()) })
}

func gauge(name, help string, value func() float64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
}
