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

// certificate is a primary key with its subkeys, and what its owner says of them.
type certificate struct {
	keys  []*key // the primary key first
	users []*userID
	byID  map[string]*userID
	left  int // what may still be spent on checking, in times of RSA
}

type userID struct {
	id         string
	signatures []*packet.Signature // by the key itself: certifications and their revocations
}

// key is a key or subkey. Once its certificate is evaluated, what does not depend on a time is settled.
type key struct {
	Key
	pub        *packet.PublicKey
	signatures []*packet.Signature // by the primary key: direct ones, or the bindings of a subkey
	way        *way                // nil: it is in a keyring, but trusted by nobody; by it what was changed is told
	weak       bool                // others can forge its signatures, as Problem says
	since      time.Time           // from when on it may sign: a subkey not before its primary key
}

// evaluate checks the signatures of the key by itself, as long as their cost allows, and settles what they say: of several the
// newest that holds. SHA-1 is good enough for these: their content is the owner's own, so that a collision helps nobody.
// It returns what may still be spent.
func (c *certificate) evaluate(left int) int {
	c.left = left
	primary := c.keys[0]
	if !primary.weak { // whose signatures of itself anybody could have made
		c.settlePrimary()
	}
	for _, k := range c.keys[1:] {
		if !primary.weak && !k.weak {
			k.settleSubkey(c)
		}
		if primary.weak || k.Problem == "" && primary.Problem != "" && primary.Problem != notForFiles { // to certify is enough
			k.weak, k.Problem = primary.weak, "its primary key: "+primary.Problem
		}
		k.Revoked = k.Revoked || primary.Revoked
		k.Expires = earlier(k.Expires, primary.Expires)
		if k.since.Before(primary.since) {
			k.since = primary.since
		}
	}
	return c.left
}

// newest finds the newest signature that holds. Sub is the subkey that may have signed within it; nil: none.
func (c *certificate) newest(list []*packet.Signature, sub *packet.PublicKey, holds func(*packet.Signature) error) *packet.Signature {
	slices.SortStableFunc(list, func(a, b *packet.Signature) int { // newest first, and of one time the revocation
		return cmp.Or(b.CreationTime.Compare(a.CreationTime), cmp.Compare(b.SigType, a.SigType))
	})
	for _, sig := range list {
		if c.left <= 0 {
			return nil
		}
		c.left -= cost(c.keys[0].pub)
		if sub != nil && sig.EmbeddedSignature != nil {
			c.left -= cost(sub)
		}
		if holds(sig) == nil {
			return sig
		}
	}
	return nil
}

// curveCosts are the times of RSA that a check by a curve takes. Those that Go has no fast code for take 40.
var curveCosts = map[packet.Curve]int{
	packet.Curve25519: 1, packet.CurveNistP256: 1, packet.CurveNistP384: 8, packet.CurveNistP521: 8, packet.Curve448: 8,
}

// cost is how long a key takes to check a signature, in times of RSA.
func cost(pub *packet.PublicKey) int {
	curve, err := pub.Curve()
	switch {
	case err == nil:
		return cmp.Or(curveCosts[curve], 40)
	case pub.PubKeyAlgo == packet.PubKeyAlgoRSA || pub.PubKeyAlgo == packet.PubKeyAlgoRSASignOnly:
		return 1
	default: // one of the new and slow kinds
		return 10
	}
}

// settlePrimary finds expiry and use of the primary key: as GnuPG does, in its direct signature first, then in that of a
// user id.
func (c *certificate) settlePrimary() {
	k := c.keys[0]
	said := c.newest(k.signatures, nil, k.pub.VerifyDirectKeySignature)
	var user *packet.Signature
	for _, u := range c.users {
		sig := c.newest(u.signatures, nil, func(sig *packet.Signature) error { return k.pub.VerifyUserIdSignature(u.id, k.pub, sig) })
		if sig == nil || sig.SigType == packet.SigTypeCertificationRevocation {
			continue
		}
		k.UserIDs = append(k.UserIDs, shown(u.id))
		if user == nil || sig.CreationTime.After(user.CreationTime) {
			user = sig
		}
	}
	if user == nil && (said == nil || k.pub.Version < 6) {
		k.Problem = "it has no user id that it signed itself"
		return
	}
	flags := false // without any, RFC 9580 lets a primary key do everything
	for _, sig := range []*packet.Signature{said, user} {
		if sig == nil {
			continue
		}
		k.Expires = cmp.Or(k.Expires, expiry(k.pub, sig))
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
func (k *key) settleSubkey(c *certificate) {
	binding := c.newest(k.signatures, k.pub, func(sig *packet.Signature) error { return c.keys[0].pub.VerifyKeySignature(k.pub, sig) })
	switch {
	case binding == nil:
		k.Problem = "the primary key did not sign that it is its own"
	case !binding.FlagSign:
		k.Problem = notForFiles
	default:
		k.Expires = expiry(k.pub, binding)
	}
}

const notForFiles = "it is not meant to sign files"

// addKey adds the key to the certificate of which it is the first, or a subkey.
func (c *certificate) addKey(pub *packet.PublicKey) *key {
	k := &key{pub: pub, since: pub.CreationTime.UTC()}
	c.keys = append(c.keys, k)
	k.Key = Key{
		Fingerprint: fmt.Sprintf("%X", pub.Fingerprint),
		Primary:     fmt.Sprintf("%X", c.keys[0].pub.Fingerprint),
		Algorithm:   describeKey(pub),
		Created:     k.since,
		Problem:     weakness(pub),
	}
	k.weak = k.Problem != ""
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

// describeKey names a key's kind: "RSA 4096", "ECDSA P256", "Ed25519".
func describeKey(pub *packet.PublicKey) string {
	name := algorithmName(pub.PubKeyAlgo)
	curve, err := pub.Curve()
	switch bits, failed := bitsOf(pub); {
	case err == nil && strings.HasPrefix(name, "Ed"):
		return "Ed" + strings.TrimPrefix(string(curve), "Curve")
	case err == nil:
		return name + " " + string(curve)
	case failed == nil:
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
	end := after(pub.CreationTime, sig.KeyLifetimeSecs)
	for _, s := range []*packet.Signature{sig, sig.EmbeddedSignature} { // which end, too
		if s != nil {
			end = earlier(end, after(s.CreationTime, s.SigLifetimeSecs))
		}
	}
	return end
}

// after is the end of a lifetime; zero: there is none.
func after(from time.Time, seconds *uint32) time.Time {
	if seconds == nil || *seconds == 0 {
		return time.Time{}
	}
	return from.Add(time.Duration(*seconds) * time.Second).UTC()
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
