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

// Key is a key of a keyring, or one of its subkeys.
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

// Keys lists the keys of a keyring, binary or armored, in its order, each primary key before its subkeys. The error
// is an *integrity.Invalid.
func Keys(ring []byte) ([]Key, error) {
	certificates, err := readKeyring(ring)
	if err != nil {
		return nil, unusable(err)
	}
	var out []Key
	for _, c := range certificates {
		for _, k := range c.keys {
			out = append(out, k.Key)
		}
	}
	return out, nil
}

// Join makes one binary keyring of several, each binary or armored. It returns an *integrity.Invalid if one of them
// cannot be used; the bounds of one keyring are those of the result, too.
func Join(rings ...[]byte) ([]byte, error) {
	var out []byte
	for _, ring := range rings {
		if _, err := readKeyring(ring); err != nil {
			return nil, unusable(err)
		}
		binary, _ := binaryKeyring(ring) // as it was just read
		out = append(out, binary...)
	}
	return out, nil
}

// unusable is the error of a keyring that cannot be used.
func unusable(err error) error { return problem.One("OpenPGP keyring", "", "", "%v", err) }

// binaryKeyring takes the armor off a keyring that has it.
func binaryKeyring(ring []byte) ([]byte, error) {
	switch {
	case len(ring) > MaxKeyring:
		return nil, fmt.Errorf("it has %d bytes; at most %d", len(ring), MaxKeyring)
	case bytes.Contains(ring, []byte(armorBegin+"PRIVATE KEY BLOCK-----")):
		return nil, errors.New("it holds a private key: give the public one, and keep this one away from here")
	case bytes.Contains(ring, []byte("-----BEGIN "+armorKeys+"-----")):
		binary, _, err := dearmor(ring, armorKeys, true)
		if errors.Is(err, errCutOff) {
			return nil, errors.New("the armored key block is cut off: it has no END line")
		}
		if err != nil {
			return nil, fmt.Errorf("bad armor: %w", err)
		}
		return binary, nil
	case len(ring) > 12 && string(ring[8:12]) == "KBXf":
		return nil, errors.New("it is a keybox, a format of GnuPG's own: export the keys with gpg --export")
	default:
		return ring, nil
	}
}

// readKeyring reads all keys of a ring and checks what their owners signed of them.
func readKeyring(ring []byte) ([]*certificate, error) {
	binary, err := binaryKeyring(ring)
	if err != nil {
		return nil, err
	}
	packets, more, err := splitPackets(binary, maxPackets)
	switch {
	case err != nil:
		return nil, fmt.Errorf("it is no OpenPGP keyring: %w", err)
	case more:
		return nil, fmt.Errorf("it is no OpenPGP keyring: there are more than %d packets", maxPackets)
	}
	reader := keyringReader{seen: map[string]*certificate{}}
	for _, p := range packets {
		if err := reader.add(p); err != nil {
			return nil, err
		}
	}
	if len(reader.all) == 0 {
		return nil, errors.New("it holds no OpenPGP key")
	}
	left := maxCost
	for _, c := range reader.all {
		if left = c.evaluate(left); left <= 0 {
			return nil, errors.New("its keys have too many signatures by themselves: keep those that are needed")
		}
	}
	return reader.all, nil
}

// keyringReader puts packets in their places. A key that comes twice is one, with what both copies say.
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
		return errors.New("it holds a private key: give the public one, and keep this one away from here")
	case tagPublicKey, tagPublicSubkey:
		if r.keys++; r.keys > MaxKeys {
			return fmt.Errorf("it has more than %d keys and subkeys", MaxKeys)
		}
		r.addKey(p)
	case tagUserID, tagAttribute:
		r.sub, r.user = nil, &userID{id: string(p.body)}
		if r.cert == nil || p.tag != tagUserID || len(p.body) > maxUserID {
			break // its signatures say nothing of the key
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
			return fmt.Errorf("it is no OpenPGP keyring: it begins with a packet of type %d", p.tag)
		}
	}
	return nil
}

func (r *keyringReader) addKey(p rawPacket) {
	parsed, err := p.parse()
	pub, ok := parsed.(*packet.PublicKey)
	ok = ok && err == nil // another is of a kind that cannot sign here: nobody can be mistaken for it
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

// addSignature keeps the signatures that a key's owner makes of the key. A revocation counts without being checked: a
// keyring is configuration, and whoever can put a false one there could take the key out just as well.
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
	if p.body[0] < 4 || tooDeep(p.body) {
		return
	}
	parsed, err := p.parse()
	sig, ok := parsed.(*packet.Signature)
	if !ok || err != nil || !sig.CheckKeyIdOrFingerprint(r.cert.keys[0].pub) || critical(sig) != nil {
		return // other people's, and what cannot be judged
	}
	switch {
	case r.sub != nil:
		if kind == packet.SigTypeSubkeyBinding {
			r.sub.signatures = append(r.sub.signatures, sig)
		}
	case r.user != nil:
		switch kind {
		case packet.SigTypeGenericCert, packet.SigTypePersonaCert, packet.SigTypeCasualCert, packet.SigTypePositiveCert, packet.SigTypeCertificationRevocation:
			r.user.signatures = append(r.user.signatures, sig)
		}
	case kind == packet.SigTypeDirectSignature:
		r.cert.keys[0].signatures = append(r.cert.keys[0].signatures, sig)
	}
}

// tooDeep reports whether a signature carries more than the one of a subkey that signs.
func tooDeep(body []byte) bool {
	parts, err := subpackets(body)
	inner := embedded(parts)
	if err != nil || len(inner) > 1 {
		return true
	}
	for _, b := range inner {
		if len(b) < 4 {
			return true
		}
		if parts, err := subpackets(b); err != nil || len(embedded(parts)) > 0 {
			return true
		}
	}
	return false
}

// critical returns a condition of the signature, none of which is known here; nil: it has none.
func critical(sig *packet.Signature) *packet.Notation {
	for _, n := range sig.Notations {
		if n.IsCritical {
			return n
		}
	}
	return nil
}
