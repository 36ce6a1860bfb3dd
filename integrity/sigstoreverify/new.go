package sigstoreverify

import (
	"fmt"
	"slices"

	"github.com/sigstore/sigstore/pkg/cryptoutils"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// New returns a verifier that trusts the given signers, 1 to MaxSigners of them, or an *integrity.Invalid. Its
// fields are as "signers[2].identities[0].anchors[1]", and its values the signers' names.
func New(signers ...Signer) (*Verifier, error) {
	b := builder{v: &Verifier{}, seen: map[string]string{}}
	if len(signers) == 0 || len(signers) > MaxSigners {
		b.Add("signers", fmt.Sprint(len(signers)), "want 1 to %d", MaxSigners)
		signers = signers[:min(len(signers), MaxSigners)]
	}
	for i, s := range signers {
		b.signer(i, s)
	}
	if n := len(b.v.keySigners); n > MaxKeys {
		b.Add("signers", "", "have %d keys; at most %d", n, MaxKeys)
	}
	if n := len(b.v.identities); n > MaxIdentities {
		b.Add("signers", "", "have %d identities; at most %d", n, MaxIdentities)
	}
	if err := b.Err("list of Sigstore signers"); err != nil {
		return nil, err
	}
	inOrder(b.v.candidates)
	return b.v, nil
}

// builder makes a Verifier and collects what is wrong.
type builder struct {
	problem.List
	v    *Verifier
	seen map[string]string // DER of a key: where it was given
}

func (b *builder) signer(i int, s Signer) {
	at := fmt.Sprintf("signers[%d]", i)
	if err := (integrity.Expectation{Signer: s.Name}).Validate(); err != nil || s.Name == "" {
		b.Add(at+".name", s.Name, "want a name that an order can expect: 1 to %d bytes of UTF-8 without control characters or space around it", integrity.MaxSigner)
	}
	if len(s.Keys) == 0 && len(s.Identities) == 0 {
		b.Add(at, s.Name, "neither a key nor an identity; nothing can be by this signer")
	}
	switch {
	case s.Threshold < 0 || s.Threshold > max(1, min(len(s.Keys), MaxSignatures)):
		b.Add(at+".threshold", s.Name, "%d of %d keys; want 0 to as many as there are, and at most %d", s.Threshold, len(s.Keys), MaxSignatures)
	case s.Threshold > 1 && len(s.Identities) > 0:
		b.Add(at+".threshold", s.Name, "certificates are not counted; give the identities to another signer of this name, or take them away")
	}
	if len(s.Predicates) > MaxPredicates || slices.Contains(s.Predicates, "") {
		b.Add(at+".predicates", s.Name, "want up to %d predicate types, none of them empty", MaxPredicates)
	}
	signer := len(b.v.signers)
	b.v.signers = append(b.v.signers, Signer{Name: s.Name, Threshold: s.Threshold, Predicates: slices.Clone(s.Predicates)})
	if !slices.Contains(b.v.names, s.Name) {
		b.v.names = append(b.v.names, s.Name)
	}
	for k, text := range s.Keys[:min(len(s.Keys), MaxKeys+1)] {
		field := fmt.Sprintf("%s.keys[%d]", at, k)
		if err := b.addKey(signer, fmt.Sprintf("keys[%d] of signer %d (%q)", k, i, s.Name), text); err != nil {
			b.Add(field, s.Name, "%v", err)
		}
	}
	for k, id := range s.Identities[:min(len(s.Identities), MaxIdentities+1)] {
		b.addIdentity(signer, id, func(field, format string, args ...any) {
			b.Add(fmt.Sprintf("%s.identities[%d]%s", at, k, field), s.Name, format, args...)
		})
	}
}

func (b *builder) addKey(signer int, where string, text []byte) error {
	pub, err := parseKey(text)
	if err != nil {
		return err
	}
	der, err := cryptoutils.MarshalPublicKeyToDER(pub)
	if err != nil {
		return err
	}
	if first, twice := b.seen[string(der)]; twice {
		return fmt.Errorf("the same key as %s; a signature must name one signer, so give it once", first)
	}
	b.seen[string(der)] = where
	ways, err := candidates(len(b.v.keySigners), pub)
	if err != nil {
		return err
	}
	b.v.keySigners = append(b.v.keySigners, signer)
	b.v.candidates = append(b.v.candidates, ways...)
	return nil
}

func (b *builder) addIdentity(signer int, id Identity, add func(field, format string, args ...any)) {
	if id.Name == "" && id.Organisation == "" {
		add("", "neither a name nor an organisation; it would be anybody whom the anchors' owners gave a certificate")
	}
	read := func(field string, given [][]byte) (p pinned) {
		for i, text := range given[:min(len(given), MaxAnchors+1)] {
			certificates, err := parseAnchors(text)
			if err != nil {
				add(fmt.Sprintf("%s[%d]", field, i), "%v", err)
			}
			p = append(p, certificates...)
		}
		if len(p) > MaxAnchors {
			add(field, "%d certificates; at most %d", len(p), MaxAnchors)
		}
		return p
	}
	if len(id.Anchors) == 0 {
		add(".anchors", "none; no certificate would be trusted")
	}
	if y := id.At.Year(); !id.At.IsZero() && (y < 1990 || y > 9999) {
		add(".at", "no certificate is good in the year %d; leave it zero or give the time the policy was made", y)
	}
	in := &identity{Identity: id, signer: signer, anchors: read(".anchors", id.Anchors), timestampers: read(".timestampers", id.Timestampers)}
	in.Anchors, in.Timestampers = nil, nil // the caller's slices
	b.v.identities = append(b.v.identities, in)
}
