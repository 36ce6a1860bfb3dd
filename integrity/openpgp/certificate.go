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

// certificate is a primary key with its subkeys and its signatures of itself.
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

// key is a key or subkey. Evaluating its certificate sets what does not depend on the time.
type key struct {
	Key
	pub        *packet.PublicKey
	signatures []*packet.Signature // by the primary key: direct ones, or the bindings of a subkey
	way        *way                // nil: the key is in a keyring but not trusted; it still reveals changes
	weak       bool                // others can forge its signatures, as Problem says
	since      time.Time           // when it may sign from; a subkey not before its primary key
}

// evaluate checks the key's signatures of itself, within the cost that is left, and applies them:
// of several the newest that holds. SHA-1 is good enough here: the content is the owner's own, so
// a collision helps nobody. It returns the cost that is still left.
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

// newest returns the newest signature that holds. Sub is the subkey that may have signed inside
// it; nil: none.
func (c *certificate) newest(list []*packet.Signature, sub *packet.PublicKey, holds func(*packet.Signature) error) *packet.Signature {
	slices.SortStableFunc(list, func(a, b *packet.Signature) int { // newest first; at the same time the revocation first
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

// curveCosts are the costs of a check by curve, in RSA checks. A curve for which Go has no fast
// code costs 40.
var curveCosts = map[packet.Curve]int{
	packet.Curve25519: 1, packet.CurveNistP256: 1, packet.CurveNistP384: 8, packet.CurveNistP521: 8, packet.Curve448: 8,
}

// cost is the cost of checking a key's signature, in RSA checks.
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

// settlePrimary finds expiry and use of the primary key, in the order of GnuPG: its direct
// signature first, then that of a user id.
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

// settleSubkey finds expiry and use of a subkey. The subkey must say that it signs, and it and
// the primary key must have signed each other.
func (k *key) settleSubkey(c *certificate) {
	binding := c.newest(k.signatures, k.pub, func(sig *packet.Signature) error { return c.keys[0].pub.VerifyKeySignature(k.pub, sig) })
	switch {
	case binding == nil:
		k.Problem = "the primary key did not sign it"
	case !binding.FlagSign:
		k.Problem = notForFiles
	default:
		k.Expires = expiry(k.pub, binding)
	}
}

const notForFiles = "it is not meant to sign files"

// addKey adds the certificate's primary key, or a subkey.
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

// weakness says why others can forge the key's signatures; empty: they cannot.
func weakness(pub *packet.PublicKey) string {
	switch pub.PubKeyAlgo {
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSASignOnly:
		if bits, err := bitsOf(pub); err != nil || bits < MinRSA || bits > MaxRSA {
			return fmt.Sprintf("RSA with %d bits; want %d to %d", bits, MinRSA, MaxRSA)
		}
	case packet.PubKeyAlgoDSA, packet.PubKeyAlgoElGamal:
		return algorithmName(pub.PubKeyAlgo) + " is no longer trusted"
	}
	return ""
}

// describeKey names a key's kind, as in "RSA 4096", "ECDSA P256", "Ed25519".
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

// bitsOf returns the size of a key without a curve. For RSA it ignores leading zeros.
func bitsOf(pub *packet.PublicKey) (int, error) {
	if key, is := pub.PublicKey.(*rsa.PublicKey); is {
		return key.N.BitLen(), nil
	}
	bits, err := pub.BitLength()
	return int(bits), err
}

// expiry returns when the key ends by its signature; zero: never.
func expiry(pub *packet.PublicKey, sig *packet.Signature) time.Time {
	end := after(pub.CreationTime, sig.KeyLifetimeSecs)
	for _, s := range []*packet.Signature{sig, sig.EmbeddedSignature} { // which end, too
		if s != nil {
			end = earlier(end, after(s.CreationTime, s.SigLifetimeSecs))
		}
	}
	return end
}

// after returns the end of a lifetime; zero: never.
func after(from time.Time, seconds *uint32) time.Time {
	if seconds == nil || *seconds == 0 {
		return time.Time{}
	}
	return from.Add(time.Duration(*seconds) * time.Second).UTC()
}

// earlier returns the earlier time; zero means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// shown makes text from a hostile file safe to print.
func shown(s string) string { return problem.Clip(problem.Printable(s), maxShown) }
