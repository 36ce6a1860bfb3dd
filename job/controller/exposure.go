package controller

import (
	"context"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/deadline"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// ExposeAsset sets whether an asset can be reached from the public network, by
// whatever path. Unknown (zero) counts as exposed unless a table says otherwise
// (DUE-4). The error is a *NotFoundError for an unknown asset.
func (c *Controller) ExposeAsset(ctx context.Context, id job.AssetID, exposed catalog.Answer, now time.Time) error {
	return c.update(ctx, now, func(t *tx) {
		if rec := t.asset(id); rec.Exposed != exposed {
			rec.Exposed = exposed
			t.save(tableAssets, key(string(id)), rec)
			t.acted(AssetExposed, string(id), exposed.String())
		}
	})
}

// Excepted is an exception to the deadlines of one vulnerability (DUE-6).
type Excepted struct {
	CVE   string      `json:"cve"`
	Asset job.AssetID `json:"asset,omitempty"` // empty: on every asset without an exception of its own
	deadline.Exception
}

// Except adds an exception, or replaces the one of the same vulnerability and
// asset. An empty Exception.Given is filled in with what is known now. For an
// exception on every asset, that is only the exploitation: with PatchAppears,
// it does not hold on an asset where a patch is already deployable. The error
// is a *job.Invalid, or a *NotFoundError for an asset that is unknown or has
// sent no inventory.
func (c *Controller) Except(ctx context.Context, e Excepted, now time.Time) error {
	var l problem.List
	l.Under("", e.Exception.Validate())
	if l.Text("cve", e.CVE, ledger.MaxName); e.CVE == "" {
		l.Add("cve", "", "is missing: name the vulnerability, as CVE-2026-1234")
	}
	if err := l.Err("exception"); err != nil {
		return err
	}
	return c.update(ctx, now, func(t *tx) {
		if known, _ := t.snapshot().Vulnerability(e.CVE, now); e.Given == (deadline.Seen{}) {
			e.Given.Exploited = known.Exploited
			if e.Asset != "" {
				a := t.factsOf(e.Asset, now)
				f := a.fixes()[e.CVE]
				e.Given.Exposed, e.Given.Patch = a.rec.Exposed, f != nil && f.Deployable
			}
		}
		t.save(tableExceptions, key(string(e.Asset), e.CVE), e)
		t.acted(ExceptionAdded, e.CVE, "until "+e.Until.UTC().Format(time.RFC3339)+": "+e.Reason)
	})
}

// EndException removes an exception. The error is a *NotFoundError if there is
// none.
func (c *Controller) EndException(ctx context.Context, cve string, asset job.AssetID, now time.Time) error {
	return c.update(ctx, now, func(t *tx) {
		k := key(string(asset), cve)
		if t.get(tableExceptions, k) == nil {
			t.fail(&NotFoundError{"exception", cve})
			return
		}
		t.delete(tableExceptions, k)
		t.acted(ExceptionEnded, cve, string(asset))
	})
}

// Exceptions lists the exceptions by asset and vulnerability, those that have
// ended included, limit at most (1 to MaxPage).
func (c *Controller) Exceptions(ctx context.Context, limit int) ([]Excepted, error) {
	return collect(ctx, c, limit, func(r *reader, add func(Excepted) bool) {
		for e := range values[Excepted](r, tableExceptions, "", "") {
			if add(e) {
				return
			}
		}
	})
}

// Evidence says that what a deadline wants to be known of a vulnerability on an
// asset was collected, or that somebody waived it (DUE-1).
type Evidence struct {
	CVE    string      `json:"cve"`
	Asset  job.AssetID `json:"asset"`
	Waived bool        `json:"waived,omitempty"`
	Owner  string      `json:"owner"` // who answers for it
	Reason string      `json:"reason,omitempty"`
	At     time.Time   `json:"at"` // MarkEvidence sets it
}

// MarkEvidence marks the evidence as collected or waived. Jobs that held the
// patch back for it no longer do. The error is a *job.Invalid, or a
// *NotFoundError for an unknown asset.
func (c *Controller) MarkEvidence(ctx context.Context, e Evidence, now time.Time) error {
	var l problem.List
	for field, text := range map[string]string{"cve": e.CVE, "owner": e.Owner} {
		if l.Text(field, text, ledger.MaxName); text == "" {
			l.Add(field, "", "is missing")
		}
	}
	if l.Text("reason", e.Reason, ledger.MaxText); e.Waived && e.Reason == "" {
		l.Add("reason", "", "is missing: say why it is waived")
	}
	if err := l.Err("evidence"); err != nil {
		return err
	}
	return c.update(ctx, now, func(t *tx) {
		t.asset(e.Asset)
		e.At = t.now
		t.save(tableEvidence, key(string(e.Asset), e.CVE), e)
		text := e.CVE + " collected by " + e.Owner
		if e.Waived {
			text = e.CVE + " waived by " + e.Owner + ": " + e.Reason
		}
		t.acted(EvidenceMarked, string(e.Asset), text)
		t.planAgain(t.asset(e.Asset).Asset)
	})
}
