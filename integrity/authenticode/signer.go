package authenticode

import (
	"fmt"
	"slices"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

var rules = cms.Rules{MaxRSA: maxRSA, Lenient: true}

// New returns a verifier that trusts the signers by their
// [integrity.AuthenticodeTrust], at most MaxSigners in all. With none it trusts
// nobody. The error is an [integrity.Invalid] with every problem; its fields
// are as in "signers[2].authenticode[0].anchors[1]".
func New(signers ...integrity.Signer) (*Verifier, error) {
	var bad problem.List
	bad.Under("", integrity.ValidateSigners(signers))
	v := &Verifier{}
	for i, s := range signers {
		for j, t := range s.Authenticode {
			if len(v.policies) == MaxSigners {
				bad.Add("signers", "", "are known in more than %d ways, which is the limit", MaxSigners)
				return nil, bad.Err("list of Authenticode signers")
			}
			at := fmt.Sprintf("signers[%d].authenticode[%d]", i, j)
			p := policy{AuthenticodeTrust: t, name: s.Name}
			p.At = t.At.UTC()
			var anchors, timestampers []*cms.Certificate
			p.anchors, anchors = rules.Pins(&bad, at+".anchors", s.Name, t.Anchors, MaxAnchors)
			p.timestampers, timestampers = rules.Pins(&bad, at+".timestampers", s.Name, t.Timestampers, MaxAnchors)
			v.pinned = slices.Concat(v.pinned, anchors, timestampers)
			v.anchors, v.timestampers = append(v.anchors, p.anchors...), append(v.timestampers, p.timestampers...)
			v.policies = append(v.policies, p)
		}
	}
	if err := bad.Err("list of Authenticode signers"); err != nil {
		return nil, err
	}
	return v, nil
}

// policy is one way in which a signer is known.
type policy struct {
	integrity.AuthenticodeTrust
	name                  string
	anchors, timestampers []cms.Fingerprint
}
