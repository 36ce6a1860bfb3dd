package openpgp

import (
	"cmp"
	"crypto/rsa"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// certificate is a primary key with what its owner says of it.
type certificate struct {
	primary *packet.PublicKey
	direct  []*packet.Signature
	users   []*userID
	byID    map[string]*userID
	subkeys []*subkey
	revoked bool
	key     *key // the primary key, evaluated
}

type userID struct {
	id         string
	signatures []*packet.Signature // by the key itself: certifications and their revocations
}

type subkey struct {
	pub      *packet.PublicKey
	bindings []*packet.Signature
	revoked  bool
	key      *key
}

// key is a key or subkey as evaluated: what does not depend on a time is settled.
type key struct {
	Key
	pub   *packet.PublicKey
	way   int       // index of the Verifier's way
	weak  string    // why others can forge its signatures
	since time.Time // from when on it may sign: a subkey not before its primary key
}

func (c *certificate) userID(id string) *userID {
	u := c.byID[id]
	if u == nil {
		u = &userID{id: id}
		c.byID[id] = u
		c.users = append(c.users, u)
	}
	return u
}

func (c *certificate) subkey(pub *packet.PublicKey) *subkey {
	for _, s := range c.subkeys {
		if string(s.pub.Fingerprint) == string(pub.Fingerprint) {
			return s
		}
	}
	s := &subkey{pub: pub}
	c.subkeys = append(c.subkeys, s)
	return s
}

// keys lists the primary key and the subkeys.
func (c *certificate) keys() []*key {
	out := []*key{c.key}
	for _, s := range c.subkeys {
		out = append(out, s.key)
	}
	return out
}

// evaluate checks the signatures of the key by itself, as long as their cost allows, and settles what they say: of several the
// newest that holds. SHA-1 is good enough for these: their content is the owner's own, so that a collision helps nobody.
// It returns what may still be spent.
func (c *certificate) evaluate(left int) int {
	newest := func(list []*packet.Signature, sub *packet.PublicKey, holds func(*packet.Signature) error) *packet.Signature {
		slices.SortStableFunc(list, func(a, b *packet.Signature) int { // newest first, and of one time the revocation
			return cmp.Or(b.CreationTime.Compare(a.CreationTime), cmp.Compare(b.SigType, a.SigType))
		})
		for _, sig := range list {
			if left <= 0 {
				return nil
			}
			left -= cost(c.primary)
			if sub != nil && sig.EmbeddedSignature != nil {
				left -= cost(sub)
			}
			if holds(sig) == nil {
				return sig
			}
		}
		return nil
	}
	k := newKey(c.primary, c.primary)
	c.key = k
	if k.weak == "" { // whose signatures of itself anybody could have made
		k.settlePrimary(c, newest)
	}
	k.Revoked = c.revoked
	for _, s := range c.subkeys {
		s.key = newKey(s.pub, c.primary)
		if k.weak == "" && s.key.weak == "" {
			s.key.settleSubkey(s, c.primary, newest)
		}
		s.key.inherit(k, s.revoked)
	}
	return left
}

// cost is how long a key takes to check a signature, in times of RSA.
func cost(pub *packet.PublicKey) int {
	curve, err := pub.Curve()
	switch {
	case err != nil: // no curve: RSA, or one of the new and slow kinds
		if pub.PubKeyAlgo == packet.PubKeyAlgoRSA || pub.PubKeyAlgo == packet.PubKeyAlgoRSASignOnly {
			return 1
		}
		return 10
	case curve == packet.Curve25519 || curve == packet.CurveNistP256:
		return 1
	case curve == packet.CurveNistP384 || curve == packet.CurveNistP521 || curve == packet.Curve448:
		return 8
	default: // those that Go has no fast code for
		return 40
	}
}

// newestFunc finds the newest signature that holds. Sub is the subkey that may have signed within it; nil: none.
type newestFunc func(list []*packet.Signature, sub *packet.PublicKey, holds func(*packet.Signature) error) *packet.Signature

// settlePrimary finds expiry and use of a primary key: as GnuPG does, in its direct signature first, then in that of a
// user id.
func (k *key) settlePrimary(c *certificate, newest newestFunc) {
	said := newest(c.direct, nil, c.primary.VerifyDirectKeySignature)
	var user *packet.Signature
	for _, u := range c.users {
		sig := newest(u.signatures, nil, func(sig *packet.Signature) error { return c.primary.VerifyUserIdSignature(u.id, c.primary, sig) })
		if sig == nil || sig.SigType == packet.SigTypeCertificationRevocation {
			continue
		}
		k.UserIDs = append(k.UserIDs, shown(u.id))
		if user == nil || sig.CreationTime.After(user.CreationTime) {
			user = sig
		}
	}
	if user == nil && (said == nil || c.primary.Version < 6) {
		k.Problem = "it has no user id that it signed itself"
		return
	}
	flags := false // without any, RFC 9580 lets a primary key do everything
	for _, sig := range []*packet.Signature{said, user} {
		if sig == nil {
			continue
		}
		if k.Expires.IsZero() {
			k.Expires = expiry(c.primary, sig)
		}
		if sig.FlagsValid && !flags {
			flags = true
			if !sig.FlagSign {
				k.Problem = notForFiles
			}
		}
	}
}

// settleSubkey finds expiry and use of a subkey, which must say that it signs, and have signed that it belongs to the
// primary key.
func (k *key) settleSubkey(s *subkey, primary *packet.PublicKey, newest newestFunc) {
	binding := newest(s.bindings, s.pub, func(sig *packet.Signature) error { return primary.VerifyKeySignature(s.pub, sig) })
	switch {
	case binding == nil:
		k.Problem = "the primary key did not sign that it is its own"
	case !binding.FlagSign:
		k.Problem = notForFiles
	default:
		k.Expires = expiry(s.pub, binding)
	}
}

// inherit takes over what a primary key's state means for its subkey.
func (k *key) inherit(primary *key, revoked bool) {
	k.Revoked = revoked || primary.Revoked
	switch {
	case primary.weak != "":
		k.weak = "its primary key: " + primary.weak
		k.Problem = k.weak
	case primary.Problem == notForFiles: // a primary key that only certifies is what subkeys are for
	case primary.Problem != "" && k.Problem == "":
		k.Problem = "its primary key: " + primary.Problem
	}
	k.Expires = earlier(k.Expires, primary.Expires)
	if k.since.Before(primary.since) {
		k.since = primary.since
	}
}

const notForFiles = "it is not meant to sign files"

func newKey(pub, primary *packet.PublicKey) *key {
	k := &key{pub: pub, since: pub.CreationTime.UTC(), weak: weakness(pub)}
	k.Key = Key{
		Fingerprint: fmt.Sprintf("%X", pub.Fingerprint),
		Primary:     fmt.Sprintf("%X", primary.Fingerprint),
		Algorithm:   describeKey(pub),
		Created:     k.since,
		Problem:     k.weak,
	}
	return k
}

// weakness says why others can forge the key's signatures, if they can.
func weakness(pub *packet.PublicKey) string {
	switch pub.PubKeyAlgo {
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSASignOnly:
		if bits, err := bitsOf(pub); err != nil || bits < MinRSA || bits > MaxRSA {
			return fmt.Sprintf("RSA with %d bits; want %d to %d", bits, MinRSA, MaxRSA)
		}
	case packet.PubKeyAlgoDSA, packet.PubKeyAlgoElGamal:
		return algorithmName(pub.PubKeyAlgo) + " is not trusted any more"
	}
	return ""
}

// describeKey names a key's kind: "RSA 4096", "EdDSA Curve25519".
func describeKey(pub *packet.PublicKey) string {
	name := algorithmName(pub.PubKeyAlgo)
	if curve, err := pub.Curve(); err == nil && !strings.HasPrefix(name, "Ed") {
		return name + " " + string(curve)
	} else if err == nil {
		return strings.Replace("Ed"+strings.TrimPrefix(string(curve), "Curve"), "EdEd", "Ed", 1)
	}
	if bits, err := bitsOf(pub); err == nil {
		return fmt.Sprintf("%s %d", name, bits)
	}
	return name
}

// bitsOf is the size of a key without a curve: of RSA that of the number itself, before which a key may put zeros.
func bitsOf(pub *packet.PublicKey) (int, error) {
	if key, is := pub.PublicKey.(*rsa.PublicKey); is {
		return key.N.BitLen(), nil
	}
	bits, err := pub.BitLength()
	return int(bits), err
}

// expiry is when the key ends by what the signature says of it; zero: never.
func expiry(pub *packet.PublicKey, sig *packet.Signature) time.Time {
	var end time.Time
	if sig.KeyLifetimeSecs != nil && *sig.KeyLifetimeSecs > 0 {
		end = pub.CreationTime.Add(time.Duration(*sig.KeyLifetimeSecs) * time.Second).UTC()
	}
	for _, s := range []*packet.Signature{sig, sig.EmbeddedSignature} { // which end, too
		if s != nil && s.SigLifetimeSecs != nil && *s.SigLifetimeSecs > 0 {
			end = earlier(end, s.CreationTime.Add(time.Duration(*s.SigLifetimeSecs)*time.Second).UTC())
		}
	}
	return end
}

// earlier returns the earlier of two times of which zero means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// shown makes a text from a hostile file fit to be shown.
func shown(s string) string { return problem.Clip(problem.Printable(s), maxShown) }
