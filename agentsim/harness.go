package agentsim

import (
	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

// TB is the part of [testing.TB] that [Test] needs.
type TB interface {
	Helper()
	Logf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Harness plays lines of the scenario language with your own job definitions,
// reboot policies and catalogs, on the production controller and agents. A
// failure ends the test; it prints the timeline, the line that failed and the
// comment above it. Make one with [Test].
type Harness struct {
	t TB
	p player
}

// Test returns a harness with a new world. Invalid settings end the test.
func Test(t TB, c Config) *Harness {
	t.Helper()
	w, err := New(c)
	if err != nil {
		t.Fatalf("agentsim: %v", err)
		return nil
	}
	return &Harness{t: t, p: player{w: w, policies: map[string]integrity.Excerpt{}}}
}

// World returns the world in which the lines are played.
func (h *Harness) World() *World { return h.p.w }

// Catalog publishes products and patches of your own, and syncs the server at
// once. Their files have the checksums and the signer that the batch names. A
// record that the catalog rejects ends the test (CAT-16).
func (h *Harness) Catalog(b catalog.Batch) *Harness {
	h.t.Helper()
	w := h.p.w
	w.vendor.add(b)
	w.log("vendor", "publishes %d products and %d patches", len(b.Products), len(b.Patches))
	for _, r := range w.server.sync().Rejected {
		h.check(&r)
	}
	return h
}

// Job saves a job definition, as an administrator would. Enable the job with a
// line. A refusal ends the test.
func (h *Harness) Job(d job.Definition) *Harness {
	h.t.Helper()
	h.check(h.p.saveJob(d))
	return h
}

func (p *player) saveJob(d job.Definition) error {
	saved := p.w.server.saved
	saved[d.ID] = append(saved[d.ID], d)
	return p.w.server.act("save "+string(d.ID), func(c *controller.Controller) error {
		_, err := c.SaveJob(background, d, p.w.now)
		return err
	})
}

// Play plays lines of the language that [Language] describes, without a clock
// line. A later call goes on at the time where this one ended.
func (h *Harness) Play(lines string) *Harness {
	h.t.Helper()
	s, err := parseSteps("Play", lines, h.p.w.cfg.Start, h.p.w.now)
	if err == nil {
		err = s.playOn(&h.p, nil)
	}
	h.check(err)
	return h
}

func (h *Harness) check(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Logf("\n%s", Timeline(h.p.w.history, h.p.w.cfg.Start))
		h.t.Fatalf("%v", err)
	}
}
