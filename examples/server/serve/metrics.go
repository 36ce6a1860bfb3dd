package serve

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// metrics counts calls, and reads the rest from the controller when it is
// scraped.
type metrics struct {
	registry   *prometheus.Registry
	checkIns   *prometheus.CounterVec
	reports    prometheus.Counter
	controller *controller.Controller
	logger     *slog.Logger
}

var (
	jobsDesc   = prometheus.NewDesc("patchpolicy_jobs", "Jobs by state.", []string{"state"}, nil)
	failedDesc = prometheus.NewDesc("patchpolicy_failed_installs", "Failed patch installs over the whole account (RPT-1).", nil, nil)
	ageDesc    = prometheus.NewDesc("patchpolicy_feed_age_seconds", "Time since a feed's last good fetch; absent before the first.", []string{"feed"}, nil)
	outDesc    = prometheus.NewDesc("patchpolicy_feed_outside", "Records of a feed about products of other authorities (CAT-17).", []string{"feed"}, nil)
	staleDesc  = prometheus.NewDesc("patchpolicy_feed_stale", "1 if a feed had no good fetch for 24 h, or its data is over its maximum age (CAT-2).", []string{"feed"}, nil)
)

func newMetrics(c *controller.Controller, logger *slog.Logger) *metrics {
	m := &metrics{
		registry:   prometheus.NewRegistry(),
		checkIns:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "patchpolicy_check_ins_total", Help: "Check-ins by outcome."}, []string{"outcome"}),
		reports:    prometheus.NewCounter(prometheus.CounterOpts{Name: "patchpolicy_reports_received_total", Help: "Reports received, repeated ones included."}),
		controller: c, logger: logger,
	}
	m.registry.MustRegister(m.checkIns, m.reports, m)
	return m
}

// Describe implements prometheus.Collector: Collect alone says what there is.
func (m *metrics) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(to chan<- prometheus.Metric) {
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	now := time.Now()
	put := func(what *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(what, prometheus.GaugeValue, value, labels...)
	}
	count, states := make(map[job.State]int), job.States()
	for j, err := range allJobs(ctx, m.controller) {
		if err != nil {
			m.logger.Error("metrics", "err", err)
			states = nil // no number is better than 0
		}
		count[j.State]++
	}
	for _, state := range states {
		put(jobsDesc, float64(count[state]), state.String())
	}
	if n, err := m.controller.FailedInstalls(ctx); err != nil {
		m.logger.Error("metrics", "err", err)
	} else {
		put(failedDesc, float64(n))
	}
	feeds, err := m.controller.Feeds(ctx, now)
	if err != nil {
		m.logger.Error("metrics", "err", err)
	}
	for _, f := range feeds {
		stale := 0.0
		if f.Stale {
			stale = 1
		}
		put(staleDesc, stale, string(f.Feed))
		put(outDesc, float64(f.Outside), string(f.Feed))
		if !f.LastGood.IsZero() {
			put(ageDesc, now.Sub(f.LastGood).Seconds(), string(f.Feed))
		}
	}
}

// counted is the server as agents call it, which counts what passes.
type counted struct {
	*controller.Controller
	metrics *metrics
}

// CheckIn implements agenthttp.Backend.
func (c counted) CheckIn(ctx context.Context, in manifest.CheckIn, now time.Time) (manifest.Answer, error) {
	answer, err := c.Controller.CheckIn(ctx, in, now)
	outcome := "nothing new"
	switch {
	case err != nil:
		outcome = "failed"
	case answer.Manifest != nil:
		outcome = "manifest"
	}
	c.metrics.checkIns.WithLabelValues(outcome).Inc()
	c.metrics.reports.Add(float64(len(in.Reports)))
	return answer, err
}
