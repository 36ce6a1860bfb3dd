package openpgp

import (
	"fmt"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// New returns a verifier that trusts the signers by their
// [integrity.OpenPGPTrust], at most MaxSigners in all. With none it trusts
// nobody. The error is an [integrity.Invalid] with every problem; its fields
// are as in "signers[2].openpgp[0].keyring".
func New(signers ...integrity.Signer) (*Verifier, error) {
	b := builder{v: &Verifier{keys: map[uint64][]*key{}}, owners: map[string]*way{}}
	b.Under("", integrity.ValidateSigners(signers))
	for i, s := range signers {
		for j, t := range s.OpenPGP {
			b.way(fmt.Sprintf("signers[%d].openpgp[%d]", i, j), s.Name, t)
		}
	}
	if err := b.Err("list of OpenPGP signers"); err != nil {
		return nil, err
	}
	for _, k := range b.spare {
		twins := b.v.keys[k.pub.KeyId]
		if len(twins) < maxTwins && !slices.ContainsFunc(twins, func(other *key) bool { return other.Fingerprint == k.Fingerprint }) {
			b.v.keys[k.pub.KeyId] = append(twins, k)
		}
	}
	return b.v, nil
}

// builder makes a Verifier and collects problems.
type builder struct {
	problem.List
	v      *Verifier
	owners map[string]*way // by the fingerprints of their primary keys
	spare  []*key
}

func (b *builder) way(at, name string, t integrity.OpenPGPTrust) {
	if len(b.v.ways) == MaxSigners {
		b.AddOnce("signers", "", "are known in more than %d ways, which is the limit", MaxSigners)
		return
	}
	w := &way{name, max(1, t.Threshold)}
	b.v.ways = append(b.v.ways, w)
	_, certificates, err := readKeyring([]byte(t.Keyring))
	if err != nil {
		b.AddOnce(at+".keyring", name, "%v", err)
		return
	}
	found := make([]bool, len(t.Fingerprints))
	people := 0
	for _, c := range certificates {
		for _, k := range c.keys {
			listed := len(t.Fingerprints) == 0
			for j, text := range t.Fingerprints {
				digits, exact := strings.CutSuffix(normal(text), "!")
				if digits == k.Fingerprint || !exact && digits == k.Primary {
					listed, found[j] = true, true
				}
			}
			if !listed {
				b.spare = append(b.spare, k)
				continue
			}
			k.way = w
			b.v.keys[k.pub.KeyId] = append(b.v.keys[k.pub.KeyId], k)
			if len(b.v.keys[k.pub.KeyId]) == maxTwins+1 {
				b.Add(at+".keyring", name, "more than %d keys have the key id %016X", maxTwins, k.pub.KeyId)
			}
		}
		if !slices.ContainsFunc(c.keys, func(k *key) bool { return k.way != nil }) {
			continue
		}
		people++
		primary := c.keys[0].Fingerprint
		if first := b.owners[primary]; first != nil {
			b.Add(at+".keyring", name, "key %s is in another keyring, of %q, too; a signature must name one signer", primary, first.name)
		}
		b.owners[primary] = w
	}
	for j, text := range t.Fingerprints {
		if !found[j] {
			b.AddOnce(fmt.Sprintf("%s.fingerprints[%d]", at, j), name, "the keyring has no key %s", strings.TrimSuffix(normal(text), "!"))
		}
	}
	if t.Threshold > 1 && t.Threshold > people {
		b.AddOnce(at+".threshold", name, "%d; want 1 to %d, the number of its primary keys that count", t.Threshold, people)
	}
}

// normal returns a fingerprint in the form of Key.Fingerprint. A "!" at its end excludes the
// subkeys.
func normal(fingerprint string) string {
	return strings.ToUpper(strings.ReplaceAll(fingerprint, " ", ""))
}
