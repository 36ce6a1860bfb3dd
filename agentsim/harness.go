package agentsim

import (
	"context"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
)

// TB is what Test needs of a *testing.T.
type TB interface {
	Helper()
	Logf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Harness plays lines of the scenario language against policies made in Go: your own job definitions, reboot policies and
// catalogs, on the production controller and agents. A failure prints the timeline, the line that failed and the comment
// it stands under, which names the rule, and ends the test. Make it with Test.
type Harness struct {
	t TB
	p player
}

// Test returns a harness around a new world. It ends the test if the settings are not valid.
func Test(t TB, c Config) *Harness {
	t.Helper()
	w, err := New(c)
	if err != nil {
		t.Fatalf("agentsim: %v", err)
		return nil
	}
	return &Harness{t: t, p: player{w: w}}
}

// World is the world the lines are played in.
func (h *Harness) World() *World { return h.p.w }

// Catalog publishes products and patches of your own, and lets the server sync them at once. Their files are served as
// they are described: with those checksums, signed by that signer. A record that the catalog refuses ends the test (CAT-16).
func (h *Harness) Catalog(b catalog.Batch) *Harness {
	h.t.Helper()
	w := h.p.w
	w.vendor.add(b)
	w.log("vendor", "publishes %d products and %d patches", len(b.Products), len(b.Patches))
	for _, r := range w.server.sync().Rejected {
		h.fail(&r)
	}
	return h
}

// Job saves a definition of your own, as an administrator would; enable it with a line. A refusal ends the test.
func (h *Harness) Job(d job.Definition) *Harness {
	h.t.Helper()
	err := h.p.w.server.act(fmt.Sprintf("save %s", d.ID), func(ctx context.Context, now time.Time) error {
		_, err := h.p.w.server.c.SaveJob(ctx, d, now)
		return err
	})
	if err != nil {
		h.fail(err)
	}
	return h
}

// Play plays lines of the language described in the package's doc, without its clock line. It may be called again: time
// goes on where it was.
func (h *Harness) Play(lines string) *Harness {
	h.t.Helper()
	s, err := parseSteps("Play", lines, h.p.w.cfg.Start, h.p.w.now)
	if err == nil {
		err = s.playOn(&h.p, nil)
	}
	if err != nil {
		h.fail(err)
	}
	return h
}

func (h *Harness) fail(err error) {
	h.t.Helper()
	h.t.Logf("\n%s", Timeline(h.p.w.history, h.p.w.cfg.Start))
	h.t.Fatalf("%v", err)
}
