package integrity

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Terms are everything by which a file is judged: what the order expects, the
// policy under which the order was made, and the asset's own policy. Without a
// policy, only Expect counts.
type Terms struct {
	Feed    string      // of the patch, as the order says
	Vendor  string      // of the product, as the order says
	Product string      // the product's id in the catalog
	Expect  Expectation // what the order says the file is
	Order   Excerpt     // of the policy under which the order was made; zero: there was none
	Own     Excerpt     // the asset's own policy; zero: there is none
}

// Judge decides whether a file is what its order expects. S is the verifier's
// answer about the file. Computed are the file's digests by
// [Expectation.Algorithms].
func Judge(e Expectation, s Signature, computed []Digest) Verdict {
	return Terms{Expect: e}.Judge(s, computed)
}

// Judge decides as the function [Judge] does, and by the policies: the order's
// expectation and the clause for the product must both be met. Verdict.Clause
// names the clause.
//
// If the asset has its own policy, that policy decides. An order made under
// another policy, or with another clause for the product, is refused as
// PolicyMismatch. An order without a policy is judged by the asset's. If the
// asset has no policy, the order's clauses decide. If no clause matches the
// product, the file is refused as NoClause.
func (t Terms) Judge(s Signature, computed []Digest) Verdict {
	v := observe(t.Expect, s, computed)
	clause, refusal, why := t.clause()
	if refusal != 0 {
		return v.decide(refusal, "INT-4", "%s", why)
	}
	v = judge(t.Expect, clause, v)
	if clause != nil {
		v.Clause = clause.Name
		v.Text = fmt.Sprintf("%s (clause %q).", strings.TrimSuffix(v.Text, "."), clause.Name)
	}
	return v
}

// clause returns the clause that decides; nil without a refusal: there is no policy.
func (t Terms) clause() (c *Clause, refusal Reason, why string) {
	policy, whose := t.Own, "this asset's signer policy"
	switch {
	case t.Own.IsZero() && t.Order.IsZero():
		return nil, 0, ""
	case t.Own.IsZero():
		policy, whose = t.Order, "the order's signer policy"
	case !t.Order.IsZero() && t.Order.Digest != t.Own.Digest:
		return nil, PolicyMismatch, fmt.Sprintf("The order was made under signer policy %s, and this asset is held to %s: give server and asset the same policy.",
			problem.Clip(t.Order.Digest.String(), shownDigest), problem.Clip(t.Own.Digest.String(), shownDigest))
	}
	clause, found := policy.For(t.Feed, t.Vendor, t.Product)
	if !t.Own.IsZero() && !t.Order.IsZero() {
		ordered, has := t.Order.For(t.Feed, t.Vendor, t.Product)
		if has != found || has && !ordered.equal(clause) {
			return nil, PolicyMismatch, fmt.Sprintf("The order says it was made under this asset's signer policy, and does not carry its clause for product %q of vendor %q.",
				problem.Clip(t.Product, maxQuoted), problem.Clip(t.Vendor, maxQuoted))
		}
	}
	if !found {
		return nil, NoClause, fmt.Sprintf("No clause of %s is about product %q of vendor %q from feed %q, so nothing is trusted for it.", whose,
			problem.Clip(t.Product, maxQuoted), problem.Clip(t.Vendor, maxQuoted), problem.Clip(t.Feed, maxQuoted))
	}
	return &clause, 0, ""
}

// shownDigest is how many bytes of a policy's digest a text shows: "sha256:", 12 digits and the
// mark of the cut.
const shownDigest = 22

// either joins alternatives with "or".
func either[T ~string](words []T) string {
	const most = 5
	text := ""
	for i, w := range words {
		switch {
		case i == most:
			return fmt.Sprintf("%s or %d more", text, len(words)-most)
		case i > 0:
			text += " or "
		}
		text += fmt.Sprintf("%q", w)
	}
	return cmp.Or(text, "nobody")
}
