package openpgp

import (
	"bytes"
	"cmp"
	"crypto"
	_ "crypto/sha256" // what strongHashes names
	_ "crypto/sha3"
	_ "crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"slices"

	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// strongHashes are the digests that carry trust, by their OpenPGP numbers. The library also
// accepts SHA-1 and SHA-224.
var strongHashes = map[byte]crypto.Hash{8: crypto.SHA256, 9: crypto.SHA384, 10: crypto.SHA512, 12: crypto.SHA3_256, 14: crypto.SHA3_512}

// hashNames are all digests that exist or existed (RFC 9580, 9.5).
var hashNames = map[byte]string{
	1: "MD5", 2: "SHA-1", 3: "RIPEMD-160", 5: "MD2", 6: "TIGER-192", 7: "HAVAL-5-160",
	8: "SHA-256", 9: "SHA-384", 10: "SHA-512", 11: "SHA-224", 12: "SHA3-256", 14: "SHA3-512",
}

// found is a signature, and what is known about it so far.
type found struct {
	SignatureInfo
	packet  *packet.Signature // nil: it is not to be judged, and Outcome says why
	over    *subject          // what it covers
	names   []byte            // fingerprint of the key it names; may be nil
	keyID   uint64
	namesID bool   // version 4: it names its key by id
	weak    bool   // its digest carries no trust
	keys    []*key // those that may have made it
	digest  *digest
	by      *key // which made it, once that is proven
}

// drop says why the signature does not count.
func (f *found) drop(o Outcome, format string, args ...any) {
	f.Outcome, f.Problem, f.packet = o, fmt.Sprintf(format, args...), nil
}

func (f *found) dropWeak() { f.drop(WeakDigest, "the digest %s is too weak", f.Digest) }

// readArmored reads armored signatures. The armor's headers look signed and are not, so the
// report lists them.
func (r *Report) readArmored(block []byte, over *subject) ([]*found, error) {
	data, headers, err := dearmor(block, armorSignature, false)
	if err != nil {
		return nil, err
	}
	for _, h := range headers {
		r.Odd = append(r.Odd, shown(fmt.Sprintf("the armor says %q, which nobody signed", h)))
	}
	return readSignatures(data, over)
}

// readSignatures reads signatures, and refuses anything else.
func readSignatures(data []byte, over *subject) ([]*found, error) {
	if len(data) == 0 {
		return nil, errors.New("it is empty")
	}
	packets, more, err := splitPackets(data, MaxSignatures)
	if err != nil {
		return nil, err
	}
	var out []*found
	for _, p := range packets {
		switch {
		case p.tag == tagSignature:
			out = append(out, readSignature(p, over))
		case p.tag == tagMarker || p.tag == tagLiteral || p.tag == tagPadding || p.tag >= tagOptional:
			return nil, notJudged("beside the signature there is a packet of type %d", p.tag)
		default:
			return nil, fmt.Errorf("there is a packet of type %d, which is not a signature", p.tag)
		}
	}
	if more {
		f := &found{SignatureInfo: SignatureInfo{Covers: over.name}}
		f.drop(Excess, "there are more than %d signatures", MaxSignatures)
		out = append(out, f)
	}
	return out, nil
}

func readSignature(p rawPacket, over *subject) *found {
	f := &found{SignatureInfo: SignatureInfo{Covers: over.name}, over: over}
	body := p.body
	if len(body) < 6 {
		f.drop(Broken, "the signature is cut off")
		return f
	}
	f.Version = int(body[0])
	digest := body[3]
	switch f.Version {
	case 3:
		if len(body) < 19 || body[1] != 5 {
			f.drop(Broken, "the signature is broken")
			return f
		}
		digest = body[16]
		// The two versions differ only in the bytes that are hashed: the type and the time. The library
		// does not read version 3, which rpm made for a long time.
		p.body = slices.Concat([]byte{4, body[2], body[15], body[16], 0, 6, 5, 2}, body[3:7], []byte{0, 10, 9, 16}, body[7:15], body[17:])
	case 4, 6:
	default:
		f.drop(Unjudged, "version %d of signatures is not judged", f.Version)
		return f
	}
	f.Digest = hashNames[digest]
	parts, err := subpackets(p.body)
	if err != nil {
		f.drop(Broken, "the signature is broken: %v", err)
		return f
	}
	for _, id := range contents(parts, subpacketIssuer) { // what is not judged may be by a known key, too
		if len(id) == 8 {
			f.keyID, f.namesID = binary.BigEndian.Uint64(id), true
		}
	}
	if len(contents(parts, subpacketEmbedded)) > 0 {
		f.drop(Unjudged, "it carries another signature, which one over a file never does")
		return f
	}
	parsed, err := p.parse()
	if sig, ok := parsed.(*packet.Signature); ok && err == nil {
		f.packet, f.names = sig, sig.IssuerFingerprint
		f.Fingerprint, f.Key = fmt.Sprintf("%X", f.names), algorithmName(sig.PubKeyAlgo)
		f.Created, f.Expires = sig.CreationTime.UTC(), after(sig.CreationTime, sig.SigLifetimeSecs)
		if sig.IssuerKeyId != nil {
			f.keyID = *sig.IssuerKeyId
			f.KeyID = fmt.Sprintf("%016X", f.keyID)
		}
		if f.Version == 3 {
			sig.HashSuffix = append([]byte(nil), body[2:7]...)
		}
	}
	_, strong := strongHashes[digest]
	f.weak = !strong
	_, unsupported := errors.AsType[pgperrors.UnsupportedError](err)
	switch {
	case f.Digest == "":
		f.drop(Unjudged, "digest algorithm %d is unknown", digest)
	case err != nil && !strong: // the library does not read those over MD5
		f.dropWeak()
	case unsupported:
		f.drop(Unjudged, "%v", err)
	case err != nil:
		f.drop(Broken, "the signature is broken: %v", err)
	case f.packet.SigType != packet.SigTypeBinary && f.packet.SigType != packet.SigTypeText:
		f.drop(WrongUse, "it is a signature of type %#02x, not one over a file", byte(f.packet.SigType))
	case f.Version == 3 && f.packet.PubKeyAlgo != packet.PubKeyAlgoRSA && f.packet.PubKeyAlgo != packet.PubKeyAlgoRSASignOnly && f.packet.PubKeyAlgo != packet.PubKeyAlgoDSA:
		f.drop(Unjudged, "version 3 signatures are judged of RSA keys only")
	case f.Version == 4 && f.contradicts(parts):
		f.drop(Broken, "it names several keys as the one that made it")
	default:
		if i := slices.IndexFunc(f.packet.Notations, critical); i >= 0 {
			f.drop(Unjudged, "its critical notation %.40q is unknown", f.packet.Notations[i].Name)
		}
	}
	return f
}

// contradicts reports whether a version 4 signature names several keys: programs differ in which
// they use.
func (f *found) contradicts(parts []*packet.OpaqueSubpacket) bool {
	otherID := func(id []byte) bool { return len(id) == 8 && binary.BigEndian.Uint64(id) != f.keyID }
	otherName := func(name []byte) bool { return len(name) > 0 && !bytes.Equal(name[1:], f.names) }
	return slices.ContainsFunc(contents(parts, subpacketIssuer), otherID) ||
		slices.ContainsFunc(contents(parts, subpacketFingerprint), otherName) ||
		len(f.names) == 20 && binary.BigEndian.Uint64(f.names[12:]) != f.keyID
}

// subpackets lists the signed and unsigned subpackets of a version 4 or 6 signature.
func subpackets(body []byte) ([]*packet.OpaqueSubpacket, error) {
	if len(body) < 4 {
		return nil, errTruncated
	}
	var all []*packet.OpaqueSubpacket
	width := 2 // bytes of a length
	if body[0] == 6 {
		width = 4
	}
	rest := body[4:]
	for range 2 {
		if len(rest) < width {
			return nil, errTruncated
		}
		length := int(binary.BigEndian.Uint32(append(make([]byte, 4-width), rest[:width]...)))
		if rest = rest[width:]; length < 0 || length > len(rest) {
			return nil, errTruncated
		}
		parts, err := packet.OpaqueSubpackets(rest[:length])
		if err != nil {
			return nil, err
		}
		all, rest = append(all, parts...), rest[length:]
	}
	return all, nil
}

func contents(parts []*packet.OpaqueSubpacket, kind byte) (list [][]byte) {
	for _, p := range parts {
		if p.SubType&0x7f == kind {
			list = append(list, p.Contents)
		}
	}
	return list
}

const (
	subpacketIssuer      = 16
	subpacketEmbedded    = 32
	subpacketFingerprint = 33
)

// holds reports whether the key made the signature over what was digested. The two bytes of the
// digest in the signature must be right too, as GnuPG and rpm require.
func (f *found) holds(key *packet.PublicKey) bool {
	if (key.Version == 6) != (f.Version == 6) {
		return false
	}
	h := f.digest.state.(hash.Cloner)
	tagged, err := h.Clone()
	if err != nil || packet.VerifyHashTag(tagged, f.packet) != nil {
		return false
	}
	digested, err := h.Clone()
	return err == nil && key.VerifySignature(digested, f.packet) == nil
}

var algorithmNames = map[packet.PublicKeyAlgorithm]string{
	packet.PubKeyAlgoRSA: "RSA", packet.PubKeyAlgoRSASignOnly: "RSA", packet.PubKeyAlgoRSAEncryptOnly: "RSA",
	packet.PubKeyAlgoDSA: "DSA", packet.PubKeyAlgoElGamal: "ElGamal", packet.PubKeyAlgoECDSA: "ECDSA",
	packet.PubKeyAlgoEdDSA: "EdDSA", packet.PubKeyAlgoEd25519: "Ed25519", packet.PubKeyAlgoEd448: "Ed448",
}

func algorithmName(a packet.PublicKeyAlgorithm) string {
	return cmp.Or(algorithmNames[a], fmt.Sprintf("algorithm %d", a))
}
