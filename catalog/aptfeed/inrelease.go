package aptfeed

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// openInRelease returns the text that a trusted key has signed, and nothing else of the file. Several signatures may be
// there: one good one by a trusted key suffices. Where names the file in errors, each an *Error.
func openInRelease(data []byte, ring keyring, now time.Time, where string) ([]byte, error) {
	const begin = "-----BEGIN PGP SIGNED MESSAGE-----"
	if !bytes.Contains(data, []byte("-----BEGIN PGP ")) {
		return nil, fail(Unsigned, where, nil, "it carries no signature")
	}
	// OpenPGP ignores what stands before and after the signed block. Whoever looks at the file does not, so it is refused.
	if !bytes.HasPrefix(data, []byte(begin)) {
		return nil, fail(BadSignature, where, nil, "there is text before the signed block")
	}
	if bytes.Count(data, []byte("\n"+begin)) > 0 {
		return nil, fail(BadSignature, where, nil, "there is more than one signed block")
	}
	block, rest := clearsign.Decode(data)
	if block == nil {
		return nil, fail(BadSignature, where, nil, "the signed block is cut off or broken")
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, fail(BadSignature, where, nil, "there is text after the signed block")
	}
	if err := verify(block.Bytes, block.ArmoredSignature.Body, ring, now, where); err != nil {
		return nil, err
	}
	return block.Bytes, nil
}

// openDetached checks Release against Release.gpg, armored or binary.
func openDetached(release, signature []byte, ring keyring, now time.Time, where string) ([]byte, error) {
	var body io.Reader = bytes.NewReader(signature)
	switch {
	case len(bytes.TrimSpace(signature)) == 0:
		return nil, fail(Unsigned, where, nil, "the signature file is empty")
	case bytes.HasPrefix(signature, []byte("-----")):
		block, err := armor.Decode(bytes.NewReader(signature))
		if err != nil || block.Type != openpgp.SignatureType {
			return nil, fail(BadSignature, where, err, "the signature file is cut off or broken")
		}
		body = block.Body
	}
	if err := verify(release, body, ring, now, where); err != nil {
		return nil, err
	}
	return release, nil
}

// verify looks for one good signature by a key of the ring.
func verify(signed []byte, signatures io.Reader, ring keyring, now time.Time, where string) error {
	var unknown, bad []string
	packets := packet.NewOpaqueReader(signatures)
	config := &packet.Config{Time: func() time.Time { return now }}
	for n := 0; ; n++ {
		p, err := packets.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || p.Tag != signatureTag {
			return fail(BadSignature, where, err, "the signature block is cut off or broken")
		}
		if n == MaxSignatures {
			return fail(TooLarge, where, nil, "there are more than %d signatures", MaxSignatures)
		}
		if problem := weakness(p); problem != "" {
			bad = append(bad, fmt.Sprintf("by %s: %s", issuer(p), problem))
			continue
		}
		var one bytes.Buffer
		if err := p.Serialize(&one); err != nil {
			return fail(BadSignature, where, err, "the signature block is broken")
		}
		_, err = openpgp.CheckDetachedSignature(ring, bytes.NewReader(signed), bytes.NewReader(one.Bytes()), config)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, pgperrors.ErrUnknownIssuer):
			unknown = append(unknown, issuer(p))
		default:
			bad = append(bad, fmt.Sprintf("by %s: %v", issuer(p), err))
		}
	}
	switch {
	case len(bad) > 0:
		return fail(BadSignature, where, nil, "no signature holds: %s", strings.Join(bad, "; "))
	case len(unknown) > 0:
		return fail(UnknownKey, where, nil, "it is signed by %s, which is not trusted for this repository: if it should be, put the key into the keyring that signed-by names", strings.Join(unknown, ", "))
	default:
		return fail(Unsigned, where, nil, "the signature block is empty")
	}
}

// strongHashes are the digests a signature may cover: the library itself takes SHA-1 and MD5 too (INT-7).
var strongHashes = []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512, crypto.SHA3_256, crypto.SHA3_512}

// weakness says why a signature proves nothing whoever made it.
func weakness(p *packet.OpaquePacket) string {
	parsed, err := p.Parse()
	if err != nil {
		return err.Error()
	}
	sig, ok := parsed.(*packet.Signature)
	if !ok {
		return "it is of an unknown kind"
	}
	if !slices.Contains(strongHashes, sig.Hash) {
		return "the digest " + sig.Hash.String() + " is too weak"
	}
	return ""
}

// signatureTag is the packet type of signatures (RFC 9580, 5).
const signatureTag = 2

// issuer names the key a signature says it is made by.
func issuer(p *packet.OpaquePacket) string {
	parsed, err := p.Parse()
	if sig, ok := parsed.(*packet.Signature); err == nil && ok {
		switch {
		case len(sig.IssuerFingerprint) > 0:
			return fmt.Sprintf("key %X", sig.IssuerFingerprint)
		case sig.IssuerKeyId != nil:
			return fmt.Sprintf("key %016X", *sig.IssuerKeyId)
		}
	}
	return "an unnamed key"
}
