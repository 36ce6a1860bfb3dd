package sigstoreverify

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/sigstore/sigstore/pkg/cryptoutils"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// DefaultPredicates lists the predicate types by which a signer says that it
// made or released a file: SLSA provenance 0.2 and 1, in-toto's release 0.1 and
// cosign's signature 1.
func DefaultPredicates() []string {
	return []string{
		"https://slsa.dev/provenance/v0.2",
		"https://slsa.dev/provenance/v1",
		"https://in-toto.io/attestation/release/v0.1",
		"https://sigstore.dev/cosign/sign/v1",
	}
}

// New returns a verifier that trusts the signers by their
// [integrity.SigstoreTrust], at most MaxSigners in all, with MaxKeys keys and
// MaxIdentities identities. With none it trusts nobody. The error is an
// [integrity.Invalid] with every problem; its fields are as in
// "signers[2].sigstore[0].identities[0].anchors[1]".
func New(signers ...integrity.Signer) (*Verifier, error) {
	b := builder{v: &Verifier{}, seen: map[string]string{}}
	b.Under("", integrity.ValidateSigners(signers))
	for i, s := range signers {
		for j, t := range s.Sigstore {
			if len(b.v.ways) == MaxSigners {
				b.Add("signers", "", "are known in more than %d ways, which is the limit", MaxSigners)
				return nil, b.Err("list of Sigstore signers")
			}
			b.way(fmt.Sprintf("signers[%d].sigstore[%d]", i, j), s.Name, t)
		}
	}
	if n := len(b.seen); n > MaxKeys {
		b.Add("signers", "", "have %d keys; at most %d are allowed", n, MaxKeys)
	}
	if n := len(b.v.identities); n > MaxIdentities {
		b.Add("signers", "", "have %d identities; at most %d are allowed", n, MaxIdentities)
	}
	if err := b.Err("list of Sigstore signers"); err != nil {
		return nil, err
	}
	slices.SortStableFunc(b.v.candidates, func(a, b candidate) int { return cmp.Compare(a.turn, b.turn) })
	return b.v, nil
}

// builder makes a Verifier and collects problems.
type builder struct {
	problem.List
	v    *Verifier
	seen map[string]string // DER of a key: where it was given
}

func (b *builder) way(at, name string, t integrity.SigstoreTrust) {
	switch {
	case t.Threshold > MaxSignatures:
		b.AddOnce(at+".threshold", name, "%d keys; no envelope has more than %d signatures", t.Threshold, MaxSignatures)
	case t.Threshold > 1 && len(t.Identities) > 0:
		b.AddOnce(at+".threshold", name, "certificates are not counted; give the identities to another way, or take them away")
	}
	if len(t.Predicates) > MaxPredicates || slices.Contains(t.Predicates, "") {
		b.AddOnce(at+".predicates", name, "want up to %d predicate types, none of them empty", MaxPredicates)
	}
	i := len(b.v.ways)
	b.v.ways = append(b.v.ways, way{name, max(1, t.Threshold), slices.Clone(t.Predicates)})
	if len(t.Predicates) == 0 {
		b.v.ways[i].predicates = DefaultPredicates()
	}
	if !slices.Contains(b.v.names, name) {
		b.v.names = append(b.v.names, name)
	}
	for k, text := range t.Keys[:min(len(t.Keys), MaxKeys+1)] {
		field := fmt.Sprintf("%s.keys[%d]", at, k)
		if err := b.addKey(i, field, text); err != nil {
			b.AddOnce(field, name, "%v", err)
		}
	}
	for k, id := range t.Identities[:min(len(t.Identities), MaxIdentities+1)] {
		field := fmt.Sprintf("%s.identities[%d]", at, k)
		in := &identity{Identity: id, way: i}
		var anchors, timestampers []*cms.Certificate
		in.anchors, anchors = rules.Pins(&b.List, field+".anchors", name, id.Anchors, MaxAnchors)
		in.timestampers, timestampers = rules.Pins(&b.List, field+".timestampers", name, id.Timestampers, MaxAnchors)
		b.v.pinned = slices.Concat(b.v.pinned, anchors, timestampers)
		b.v.identities = append(b.v.identities, in)
	}
}

func (b *builder) addKey(way int, where, text string) error {
	if len(text) > MaxPEM {
		return fmt.Errorf("the PEM has %d bytes; at most %d are allowed", len(text), MaxPEM)
	}
	pub, err := cryptoutils.UnmarshalPEMToPublicKey([]byte(text))
	if err != nil {
		return fmt.Errorf("want a PUBLIC KEY block: %w", err)
	}
	if weak := rules.Weak(pub); weak != "" {
		return errors.New(weak)
	}
	der, err := cryptoutils.MarshalPublicKeyToDER(pub)
	if err != nil {
		return err
	}
	if first, twice := b.seen[string(der)]; twice {
		return fmt.Errorf("the same key as %s; a signature must name one signer, so give it once", first)
	}
	ways, err := candidates(len(b.seen), way, pub)
	b.seen[string(der)] = where
	b.v.candidates = append(b.v.candidates, ways...)
	return err
}
