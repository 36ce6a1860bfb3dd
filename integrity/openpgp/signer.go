package openpgp

import (
	"fmt"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Signer is somebody whose signatures count, and by which keys.
type Signer struct {
	Name string // in the words of integrity.Expectation.Signer
	// Keys is a keyring, binary or armored, one key or many; at most MaxKeyring bytes.
	Keys []byte
	// Fingerprints names the keys of the ring that count, in hex; empty: all of them. That of a primary key stands for its
	// subkeys too, unless "!" follows: then, and for a subkey, it is that very key.
	Fingerprints []string
	// Threshold is how many different primary keys, the keys of so many people, must have signed; zero: 1.
	Threshold int
}

// New returns a verifier that trusts the given signers, 1 to MaxSigners of them, or an *integrity.Invalid. Its
// fields are as "signers[2].keys", and its values the signers' names.
func New(signers ...Signer) (*Verifier, error) {
	b := builder{v: &Verifier{keys: map[uint64][]*key{}}, owners: map[string]int{}}
	if len(signers) == 0 || len(signers) > MaxSigners {
		b.Add("signers", fmt.Sprint(len(signers)), "want 1 to %d", MaxSigners)
		signers = signers[:min(len(signers), MaxSigners)]
	}
	for i, s := range signers {
		b.signer(i, s)
	}
	if err := b.Err("list of OpenPGP signers"); err != nil {
		return nil, err
	}
	return b.v, nil
}

// builder gathers a Verifier, and what is wrong with its signers.
type builder struct {
	problem.List
	v      *Verifier
	owners map[string]int // signers by the fingerprints of their primary keys
}

func (b *builder) signer(i int, s Signer) {
	at := fmt.Sprintf("signers[%d]", i)
	if err := (integrity.Expectation{Signer: s.Name}).Validate(); err != nil || s.Name == "" {
		b.Add(at+".name", s.Name, "want a name that an order can expect: 1 to %d bytes of UTF-8 without control characters or space around it", integrity.MaxSigner)
	}
	if slices.ContainsFunc(b.v.signers, func(t trusted) bool { return t.name == s.Name }) {
		b.Add(at+".name", s.Name, "another signer has it: give all keys of one signer in one keyring")
	}
	b.v.signers = append(b.v.signers, trusted{s.Name, max(1, s.Threshold)})
	certificates, err := readKeyring(s.Keys)
	if err != nil {
		b.Add(at+".keys", s.Name, "%v", err)
		return
	}
	pins := b.pins(at, s)
	people := 0
	for _, c := range certificates {
		owned := false
		for _, k := range c.keys() {
			if len(s.Fingerprints) > 0 && !pins.take(k) {
				continue
			}
			owned = true
			k.signer = i
			b.v.keys[k.pub.KeyId] = append(b.v.keys[k.pub.KeyId], k)
			if len(b.v.keys[k.pub.KeyId]) == maxTwins+1 {
				b.Add(at+".keys", s.Name, "more than %d keys have the key id %016X", maxTwins, k.pub.KeyId)
			}
		}
		if !owned {
			continue
		}
		people++
		if first, twice := b.owners[c.key.Primary]; twice {
			b.Add(at+".keys", s.Name, "key %s is one of signer %d (%q), too; a signature must name one signer", c.key.Primary, first, b.v.signers[first].name)
		}
		b.owners[c.key.Primary] = i
	}
	for _, p := range pins {
		if !p.used {
			b.Add(at+".fingerprints", s.Name, "the keyring has no key %s", p.text)
		}
	}
	if s.Threshold < 0 || s.Threshold > 1 && s.Threshold > people {
		b.Add(at+".threshold", s.Name, "%d; want 1 to %d, the number of its primary keys that count", s.Threshold, people)
	}
}

// pin is a fingerprint that a Signer names.
type pin struct {
	text  string
	exact bool // that very key
	used  bool
}

type pins []pin

// pins reads the fingerprints of a signer.
func (b *builder) pins(at string, s Signer) pins {
	var out pins
	for _, text := range s.Fingerprints {
		digits, exact := strings.CutSuffix(strings.ToUpper(strings.ReplaceAll(text, " ", "")), "!")
		if !isFingerprint(digits) {
			b.Add(at+".fingerprints", s.Name, "%.80q is no fingerprint: want 40 or 64 hex digits", text)
			continue
		}
		out = append(out, pin{text: digits, exact: exact})
	}
	return out
}

// take reports whether the key is named, by itself or through its primary key.
func (p pins) take(k *key) bool {
	taken := false
	for i := range p {
		if p[i].text == k.Fingerprint || !p[i].exact && p[i].text == k.Primary {
			p[i].used, taken = true, true
		}
	}
	return taken
}
