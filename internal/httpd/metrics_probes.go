package httpd

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/lullhq/lull/internal/maint"
)

// ProbeCount is what the probes of a component have done so far.
type ProbeCount struct {
	Component string
	Looks     int64
	Failures  int64        // looks without a good answer
	Impact    maint.Impact // "" = not certain yet
}

// probeCounts tells of the components by whoever counts: they are not known beforehand.
type probeCounts func() []ProbeCount

var (
	probeLooks    = prometheus.NewDesc("lull_probe_looks_total", "Looks by the probes of a component.", []string{"component"}, nil)
	probeFailures = prometheus.NewDesc("lull_probe_failures_total", "Looks without a good answer.", []string{"component"}, nil)
	probeUp       = prometheus.NewDesc("lull_probe_operational", "1 when all probes of a component are certain that it is operational, 0 when one is certain that it is not.", []string{"component"}, nil)
)

// Describe implements prometheus.Collector.
func (probeCounts) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{probeLooks, probeFailures, probeUp} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (p probeCounts) Collect(out chan<- prometheus.Metric) {
	for _, c := range p() {
		out <- prometheus.MustNewConstMetric(probeLooks, prometheus.CounterValue, float64(c.Looks), c.Component)
		out <- prometheus.MustNewConstMetric(probeFailures, prometheus.CounterValue, float64(c.Failures), c.Component)
		if c.Impact == "" {
			continue
		}
		up := 0.0
		if c.Impact == maint.Operational {
			up = 1
		}
		out <- prometheus.MustNewConstMetric(probeUp, prometheus.GaugeValue, up, c.Component)
	}
}
