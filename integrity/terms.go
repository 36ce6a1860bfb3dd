package integrity

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Terms are everything that a file is judged by: what its order expects, the policy that the order was made under, and
// the policy that the asset itself is held to, its own. Without either policy they are Expect alone.
type Terms struct {
	Feed    string      // that the patch is of, as the order says
	Vendor  string      // of the product, as the order says
	Product string      // its id in the catalog
	Expect  Expectation // what the order says the file is
	Order   Excerpt     // of the policy the order was made under; zero: under none
	Own     Excerpt     // the asset's own policy; zero: none
}

// Judge decides by rule whether a file is what its order expects. S is the verifier's answer about the file, computed
// the digests of its bytes, by Expectation.Algorithms.
func Judge(e Expectation, s Signature, computed []Digest) Verdict {
	return Terms{Expect: e}.Judge(s, computed)
}

// Judge decides about a file as the function Judge does, and by the policies as well: what the order expects and what the
// clause for the product says must both be met. Verdict.Clause names the clause.
//
// With a policy of its own the asset goes by that one. An order made under another policy, or one that carries another
// clause than the asset's for the product, is refused as PolicyMismatch; one that names no policy claims nothing and is
// held to the asset's. Without its own, the asset goes by the clauses that the order carries. A product that the policy
// has no clause for is refused as NoClause.
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

// clause finds the clause to go by; nil with no refusal: there is no policy on either side.
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

// shownDigest is enough of a digest's text, in bytes, for a person to tell policies apart: "sha256:", 12 digits and the mark of the cut.
const shownDigest = 22

// either joins words that a file may meet one of.
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
