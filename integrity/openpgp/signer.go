package openpgp

import (
	"fmt"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// New returns a verifier that trusts the signers by their [integrity.OpenPGPTrust], at most MaxSigners in all; with none
// it trusts nobody. The error is an *integrity.Invalid with every problem, whose fields are as
// "signers[2].openpgp[0].keyring".
func New(signers ...integrity.Signer) (*Verifier, error) {
	b := builder{v: &Verifier{keys: map[uint64][]*key{}}, owners: map[string]int{}}
	b.Under("", integrity.ValidateSigners(signers))
	for i, s := range signers {
		for j, t := range s.OpenPGP {
			if len(b.v.ways) == MaxSigners {
				b.Add("signers", "", "are known in more than %d ways; at most as many", MaxSigners)
				return nil, b.Err("list of OpenPGP signers")
			}
			b.way(fmt.Sprintf("signers[%d].openpgp[%d]", i, j), s.Name, t)
		}
	}
	if err := b.Err("list of OpenPGP signers"); err != nil {
		return nil, err
	}
	for _, k := range b.spare {
		twins := b.v.keys[k.pub.KeyId]
		if len(twins) < maxTwins && !slices.ContainsFunc(twins, func(other *key) bool { return other.Fingerprint == k.Fingerprint }) {
			k.way = spare
			b.v.keys[k.pub.KeyId] = append(twins, k)
		}
	}
	return b.v, nil
}

// spare is the way of keys that are in a keyring and trusted by nobody: what they signed and was changed is told by them.
const spare = -1

// builder gathers a Verifier, and what is wrong with its signers.
type builder struct {
	problem.List
	v      *Verifier
	owners map[string]int // ways by the fingerprints of their primary keys
	spare  []*key
}

// way adds a way in which a signer is known.
func (b *builder) way(at, name string, t integrity.OpenPGPTrust) {
	i := len(b.v.ways)
	b.v.ways = append(b.v.ways, way{name, max(1, t.Threshold)})
	certificates, err := readKeyring([]byte(t.Keyring))
	if err != nil {
		b.AddOnce(at+".keyring", name, "%v", err)
		return
	}
	pins := make([]pin, len(t.Fingerprints))
	for j, text := range t.Fingerprints {
		digits, exact := strings.CutSuffix(strings.ToUpper(strings.ReplaceAll(text, " ", "")), "!")
		pins[j] = pin{text: digits, exact: exact}
	}
	people := 0
	for _, c := range certificates {
		owned := false
		for _, k := range c.keys() {
			if len(pins) > 0 && !take(pins, k) {
				b.spare = append(b.spare, k)
				continue
			}
			owned = true
			k.way = i
			b.v.keys[k.pub.KeyId] = append(b.v.keys[k.pub.KeyId], k)
			if len(b.v.keys[k.pub.KeyId]) == maxTwins+1 {
				b.Add(at+".keyring", name, "more than %d keys have the key id %016X", maxTwins, k.pub.KeyId)
			}
		}
		if !owned {
			continue
		}
		people++
		if first, twice := b.owners[c.key.Primary]; twice {
			b.Add(at+".keyring", name, "key %s is in another keyring, of %q, too; a signature must name one signer", c.key.Primary, b.v.ways[first].name)
		}
		b.owners[c.key.Primary] = i
	}
	for j, p := range pins {
		if !p.used {
			b.AddOnce(fmt.Sprintf("%s.fingerprints[%d]", at, j), name, "the keyring has no key %s", p.text)
		}
	}
	if t.Threshold > 1 && t.Threshold > people {
		b.AddOnce(at+".threshold", name, "%d; want 1 to %d, the number of its primary keys that count", t.Threshold, people)
	}
}

// pin is a fingerprint that a way names.
type pin struct {
	text  string
	exact bool // that very key
	used  bool
}

// take reports whether the key is named, by itself or through its primary key.
func take(pins []pin, k *key) (taken bool) {
	for i, p := range pins {
		if p.text == k.Fingerprint || !p.exact && p.text == k.Primary {
			pins[i].used, taken = true, true
		}
	}
	return taken
}
