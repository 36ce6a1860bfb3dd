package sigstoreverify

import (
	"fmt"
	"slices"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
)

// New returns a verifier that trusts the given signers, 1 to MaxSigners of them, or an *InvalidSigners.
func New(signers ...Signer) (*Verifier, error) {
	b := builder{v: &Verifier{}, seen: map[string]string{}}
	if len(signers) == 0 || len(signers) > MaxSigners {
		b.problem(-1, "", "", "%d signers; want 1 to %d", len(signers), MaxSigners)
		signers = signers[:min(len(signers), MaxSigners)]
	}
	for i, s := range signers {
		b.add(i, s)
	}
	if n := len(b.v.keySigners); n > MaxKeys {
		b.problem(-1, "", "", "%d keys; at most %d", n, MaxKeys)
	}
	if n := len(b.v.identities); n > MaxIdentities {
		b.problem(-1, "", "", "%d identities; at most %d", n, MaxIdentities)
	}
	if b.problems != nil {
		return nil, &InvalidSigners{Problems: b.problems}
	}
	inOrder(b.v.candidates)
	return b.v, nil
}

// builder makes a Verifier and collects what is wrong.
type builder struct {
	v        *Verifier
	seen     map[string]string // DER of a key: where it was given
	problems []Problem
}

func (b *builder) problem(index int, name, field, format string, args ...any) {
	b.problems = append(b.problems, Problem{Index: index, Name: name, Field: field, Text: fmt.Sprintf(format, args...)})
}

func (b *builder) add(i int, s Signer) {
	problem := func(field, format string, args ...any) { b.problem(i, s.Name, field, format, args...) }
	if err := validName(s.Name); err != nil {
		problem("Name", "%v", err)
	}
	if len(s.Keys) == 0 && len(s.Identities) == 0 {
		problem("", "neither a key nor an identity; nothing can be by this signer")
	}
	switch {
	case s.Threshold < 0 || s.Threshold > max(1, min(len(s.Keys), MaxSignatures)):
		problem("Threshold", "%d of %d keys; want 0 to as many as there are, and at most %d", s.Threshold, len(s.Keys), MaxSignatures)
	case s.Threshold > 1 && len(s.Identities) > 0:
		problem("Threshold", "certificates are not counted; give the identities to another signer of this name, or take them away")
	}
	if len(s.Predicates) > MaxPredicates || slices.Contains(s.Predicates, "") {
		problem("Predicates", "want up to %d predicate types, none of them empty", MaxPredicates)
	}
	signer := len(b.v.signers)
	b.v.signers = append(b.v.signers, Signer{Name: s.Name, Threshold: s.Threshold, Predicates: slices.Clone(s.Predicates)})
	if !slices.Contains(b.v.names, s.Name) {
		b.v.names = append(b.v.names, s.Name)
	}
	for k, text := range s.Keys[:min(len(s.Keys), MaxKeys+1)] {
		field := fmt.Sprintf("Keys[%d]", k)
		if err := b.addKey(signer, fmt.Sprintf("%s of signer %d (%q)", field, i, s.Name), text); err != nil {
			problem(field, "%v", err)
		}
	}
	for k, id := range s.Identities[:min(len(s.Identities), MaxIdentities+1)] {
		b.addIdentity(signer, id, func(field, format string, args ...any) {
			problem(fmt.Sprintf("Identities[%d]%s", k, field), format, args...)
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

func (b *builder) addIdentity(signer int, id Identity, problem func(field, format string, args ...any)) {
	if id.Name == "" && id.Organisation == "" {
		problem("", "neither a name nor an organisation; it would be anybody whom the anchors' owners gave a certificate")
	}
	read := func(field string, given [][]byte) (p pinned) {
		for i, text := range given[:min(len(given), MaxAnchors+1)] {
			certificates, err := parseAnchors(text)
			if err != nil {
				problem(fmt.Sprintf("%s[%d]", field, i), "%v", err)
			}
			p = append(p, certificates...)
		}
		if len(p) > MaxAnchors {
			problem(field, "%d certificates; at most %d", len(p), MaxAnchors)
		}
		return p
	}
	if len(id.Anchors) == 0 {
		problem(".Anchors", "none; no certificate would be trusted")
	}
	if y := id.At.Year(); !id.At.IsZero() && (y < 1990 || y > 9999) {
		problem(".At", "no certificate is good in the year %d; leave it zero or give the time the policy was made", y)
	}
	in := &identity{Identity: id, signer: signer, anchors: read(".Anchors", id.Anchors), timestampers: read(".Timestampers", id.Timestampers)}
	in.Anchors, in.Timestampers = nil, nil // the caller's slices
	b.v.identities = append(b.v.identities, in)
}
