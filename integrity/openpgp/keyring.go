package openpgp

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Key is a key or subkey of a keyring.
type Key struct {
	Fingerprint string    // in upper-case hex
	Primary     string    // fingerprint of the primary key; its own for a primary key
	Algorithm   string    // "RSA 4096", "Ed25519"
	UserIDs     []string  // of a primary key, those that it has signed itself
	Created     time.Time // UTC
	Expires     time.Time // UTC, the primary key's where that is earlier; zero: never
	Revoked     bool      // it or its primary key
	Problem     string    // why its signatures never count, whatever the time; empty: they do
}

// Keys lists the keys of a keyring, binary or armored, in its order, each
// primary key before its subkeys. The error is an [integrity.Invalid].
func Keys(ring []byte) ([]Key, error) {
	_, certificates, err := readKeyring(ring)
	if err != nil {
		return nil, problem.One("OpenPGP keyring", "", "", "%v", err)
	}
	var out []Key
	for _, c := range certificates {
		for _, k := range c.keys {
			out = append(out, k.Key)
		}
	}
	return out, nil
}

// Join joins keyrings, each binary or armored, to a binary one. It returns an
// [integrity.Invalid] if one of them cannot be used. The bounds of one keyring
// also apply to the result.
func Join(rings ...[]byte) ([]byte, error) {
	var out []byte
	for _, ring := range rings {
		binary, _, err := readKeyring(ring)
		if err != nil {
			return nil, problem.One("OpenPGP keyring", "", "", "%v", err)
		}
		out = append(out, binary...)
	}
	return out, nil
}

var errPrivate = errors.New("it has a private key: give the public key instead, and keep the private key secret")

// readKeyring reads all keys of a ring and checks their signatures of themselves. It also returns
// the ring without armor.
func readKeyring(ring []byte) (binary []byte, all []*certificate, err error) {
	switch {
	case len(ring) > MaxKeyring:
		return nil, nil, fmt.Errorf("it has %d bytes; at most %d are allowed", len(ring), MaxKeyring)
	case bytes.Contains(ring, []byte(armorBegin+"PRIVATE KEY BLOCK-----")):
		return nil, nil, errPrivate
	case bytes.Contains(ring, []byte("-----BEGIN "+armorKeys+"-----")):
		ring, _, err = dearmor(ring, armorKeys, true)
		if errors.Is(err, errCutOff) {
			return nil, nil, errors.New("the armored key block is cut off: it has no END line")
		}
		if err != nil {
			return nil, nil, fmt.Errorf("bad armor: %w", err)
		}
	case len(ring) > 12 && string(ring[8:12]) == "KBXf":
		return nil, nil, errors.New("it is a keybox, a format of GnuPG's own: export the keys with gpg --export")
	}
	packets, more, err := splitPackets(ring, maxPackets)
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("it is not an OpenPGP keyring: %w", err)
	case more:
		return nil, nil, fmt.Errorf("it is not an OpenPGP keyring: there are more than %d packets", maxPackets)
	}
	reader := keyringReader{seen: map[string]*certificate{}}
	for _, p := range packets {
		if err := reader.add(p); err != nil {
			return nil, nil, err
		}
	}
	if len(reader.all) == 0 {
		return nil, nil, errors.New("it has no OpenPGP key")
	}
	left := maxCost
	for _, c := range reader.all {
		if left = c.evaluate(left); left <= 0 {
			return nil, nil, errors.New("its keys have too many signatures of themselves: remove those that are not needed")
		}
	}
	return ring, reader.all, nil
}

// keyringReader assigns packets to keys. Copies of a key are merged.
type keyringReader struct {
	all  []*certificate
	seen map[string]*certificate
	keys int
	cert *certificate // to which packets belong now; nil: to none that can be used
	user *userID      // likewise
	sub  *key         // likewise
}

func (r *keyringReader) add(p rawPacket) error {
	switch p.tag {
	case tagSecretKey, tagSecretSubkey:
		return errPrivate
	case tagPublicKey, tagPublicSubkey:
		if r.keys++; r.keys > MaxKeys {
			return fmt.Errorf("it has more than %d keys and subkeys", MaxKeys)
		}
		r.addKey(p)
	case tagUserID, tagAttribute:
		r.sub, r.user = nil, &userID{id: string(p.body)}
		if r.cert == nil || p.tag != tagUserID || len(p.body) > maxUserID {
			break // its signatures are not about the key
		}
		if known := r.cert.byID[r.user.id]; known != nil {
			r.user = known
			break
		}
		r.cert.byID[r.user.id] = r.user
		r.cert.users = append(r.cert.users, r.user)
	case tagSignature:
		r.addSignature(p)
	default:
		if len(r.all) == 0 && r.cert == nil {
			return fmt.Errorf("it is not an OpenPGP keyring: it begins with a packet of type %d", p.tag)
		}
	}
	return nil
}

func (r *keyringReader) addKey(p rawPacket) {
	parsed, err := p.parse()
	pub, ok := parsed.(*packet.PublicKey)
	ok = ok && err == nil // a key of another kind cannot sign here, so nothing depends on it
	r.user, r.sub = nil, nil
	switch {
	case p.tag == tagPublicKey && !ok:
		r.cert = nil
	case p.tag == tagPublicKey:
		fingerprint := string(pub.Fingerprint)
		if r.cert = r.seen[fingerprint]; r.cert == nil {
			r.cert = &certificate{byID: map[string]*userID{}}
			r.cert.addKey(pub)
			r.seen[fingerprint] = r.cert
			r.all = append(r.all, r.cert)
		}
	case ok && r.cert != nil:
		subkeys := r.cert.keys[1:]
		i := slices.IndexFunc(subkeys, func(k *key) bool { return bytes.Equal(k.pub.Fingerprint, pub.Fingerprint) })
		if i >= 0 {
			r.sub = subkeys[i]
		} else {
			r.sub = r.cert.addKey(pub)
		}
	}
}

// addSignature keeps a key's signatures of itself. A revocation counts without a check: a keyring
// is configuration, and whoever could add a false one could also remove the key.
func (r *keyringReader) addSignature(p rawPacket) {
	if r.cert == nil || len(p.body) < 3 {
		return
	}
	kind := packet.SignatureType(p.body[1])
	if p.body[0] == 3 {
		kind = packet.SignatureType(p.body[2])
	}
	switch {
	case kind == packet.SigTypeKeyRevocation:
		r.cert.keys[0].Revoked = true
	case kind == packet.SigTypeSubkeyRevocation && r.sub != nil:
		r.sub.Revoked = true
	}
	if p.body[0] < 4 || tooDeep(p.body, 1) {
		return
	}
	parsed, err := p.parse()
	sig, ok := parsed.(*packet.Signature)
	if !ok || err != nil || !sig.CheckKeyIdOrFingerprint(r.cert.keys[0].pub) || slices.ContainsFunc(sig.Notations, critical) {
		return // other people's, or cannot be judged
	}
	switch {
	case r.sub != nil && kind == packet.SigTypeSubkeyBinding:
		r.sub.signatures = append(r.sub.signatures, sig)
	case r.user != nil && slices.Contains(certifications, kind):
		r.user.signatures = append(r.user.signatures, sig)
	case r.sub == nil && r.user == nil && kind == packet.SigTypeDirectSignature:
		r.cert.keys[0].signatures = append(r.cert.keys[0].signatures, sig)
	}
}

// certifications are the types of signatures about a user id.
var certifications = []packet.SignatureType{packet.SigTypeGenericCert, packet.SigTypePersonaCert, packet.SigTypeCasualCert,
	packet.SigTypePositiveCert, packet.SigTypeCertificationRevocation}

// tooDeep reports whether a signature contains more than that many others, or one that contains
// others. The library would follow them to any depth.
func tooDeep(body []byte, most int) bool {
	parts, err := subpackets(body)
	inner := contents(parts, subpacketEmbedded)
	return err != nil || len(inner) > most || slices.ContainsFunc(inner, func(b []byte) bool { return tooDeep(b, 0) })
}

// critical reports whether a notation is a condition of the signature. None is known here.
func critical(n *packet.Notation) bool { return n.IsCritical }
