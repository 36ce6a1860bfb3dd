package openpgp

import (
	"bytes"
	"compress/flate"
	"io"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// Verifier judges OpenPGP signatures by the keys of its signers. It is immutable and safe for concurrent use. Make it with
// New; the zero Verifier trusts nobody.
type Verifier struct {
	ways []*way
	keys map[uint64][]*key // by key id
	now  time.Time         // zero: judge at the time of the signature
}

// way is what is kept of a way in which a signer is known.
type way struct {
	name      string
	threshold int
}

var _ integrity.SignatureVerifier = (*Verifier)(nil)

// At returns a verifier that also asks whether signature and key are good at the instant now: neither expired nor from
// the future. Without it they are judged at the time the signature says it was made.
func (v *Verifier) At(now time.Time) *Verifier {
	at := *v
	at.now = now.UTC()
	return &at
}

// Verify judges the signature of the first size bytes of content. See the package documentation for which answer means
// what.
func (v *Verifier) Verify(content io.ReaderAt, size int64, detached []byte) integrity.Signature {
	r, _ := v.Inspect(content, size, detached) // its answer tells of the error, too
	return r.Answer
}

// Inspect judges as Verify does and tells everything it found. The error is that content cannot be read or ends before
// size; the report tells what was found until then.
func (v *Verifier) Inspect(content io.ReaderAt, size int64, detached []byte) (Report, error) {
	r := Report{Kind: KindNone, Answer: integrity.Signature{Status: integrity.Absent}}
	if content == nil || size < 0 {
		return r.failed(errShort)
	}
	if detached != nil {
		return v.inspectDetached(content, size, detached)
	}
	start := make([]byte, min(size, startSize))
	if err := readAt(content, start, 0); err != nil {
		return r.failed(err)
	}
	switch {
	case bytes.HasPrefix(start, []byte(leadMagic)):
		return v.inspectRPM(content, size)
	case bytes.HasPrefix(start, []byte(arMagic)):
		inside, err := signedInside(content, size)
		if err != nil {
			return r.failed(err)
		}
		if inside {
			return Report{Kind: KindDebian, Answer: answer(integrity.Unsupported, integrity.OpenPGP, "the package has a signature inside (debsig), which is not judged; want a detached one")}, nil
		}
	case inlineSigned(start):
		return Report{Kind: KindInline, Answer: answer(integrity.Unsupported, integrity.OpenPGP, "the file is an OpenPGP message with its content inside; want a detached signature or a clear-signed text")}, nil
	}
	message, err := clearsigned(content, size)
	switch {
	case err != nil:
		return r.failed(err)
	case message != nil:
		_, r = v.Clearsigned(message)
		return r, nil
	case size > MaxClearsigned && startsSigned(start):
		return Report{Kind: KindClearsigned, Answer: answer(integrity.Unsupported, integrity.OpenPGP, "the clear-signed text is larger than 4 MiB")}, nil
	}
	if err := hasEnd(content, size); err != nil {
		return r.failed(err)
	}
	return r, nil
}

// hasEnd looks for the end of a file that nothing is to be digested of: what cannot be read was not judged.
func hasEnd(content io.ReaderAt, size int64) error {
	return readAt(content, make([]byte, min(size, 1)), max(size-1, 0))
}

// startSize is how much of a file tells what it is.
const startSize = 512

// inlineSigned recognises messages whose signed content lies within: armored, or as "gpg --sign" makes them, compressed or
// not. One by bzip2 has no mark at its start that another file could not have.
func inlineSigned(start []byte) bool {
	inside := start
	if bytes.HasPrefix(start, []byte{compressedMessage, 1}) || bytes.HasPrefix(start, []byte{compressedMessage, 2, 0x78}) {
		inside = make([]byte, 3)
		compressed := start[2:]
		if start[1] == 2 { // zlib: with two bytes before
			compressed = start[4:]
		}
		if _, err := io.ReadFull(flate.NewReader(bytes.NewReader(compressed)), inside); err != nil {
			return false
		}
	}
	return bytes.HasPrefix(start, []byte("-----BEGIN "+armorMessage+"-----")) ||
		bytes.HasPrefix(inside, []byte{0x80 | tagOnePass<<2, 13, 3}) || bytes.HasPrefix(inside, []byte{0xC0 | tagOnePass, 13, 3})
}

// compressedMessage begins a packet of compressed data in the old form, without a length.
const compressedMessage = 0x80 | tagCompressed<<2 | 3

// inspectDetached judges a signature file.
func (v *Verifier) inspectDetached(content io.ReaderAt, size int64, detached []byte) (Report, error) {
	r := Report{Kind: KindDetached}
	file := &subject{name: "file"}
	read := readSignatures
	switch text := bytes.TrimSpace(detached); {
	case len(text) == 0:
		return r.failed(errEmpty)
	case len(detached) > MaxDetached:
		r.Answer = answer(integrity.Unsupported, "", "the signature file has %d bytes; at most %d", len(detached), MaxDetached)
		return r, nil
	case bytes.HasPrefix(text, []byte("-----BEGIN "+armorSignature)):
		read = r.readArmored
	case bytes.HasPrefix(text, []byte(armorBegin)):
		line, _, _ := bytes.Cut(text, []byte("\n"))
		return r.failed(notJudged("the signature file holds %.40q, no detached signature", bytes.TrimSpace(line)))
	case detached[0] != 0xC0|tagSignature && detached[0]&^3 != 0x80|tagSignature<<2: // a packet of the new form, and of the old
		r.Answer = answer(integrity.Unsupported, "", "the signature file is not OpenPGP")
		return r, nil
	}
	list, err := read(detached, file)
	if err != nil {
		return r.failed(err)
	}
	v.prepare(list)
	if err = hasEnd(content, size); len(file.digests) > 0 {
		err = feed(file, content, 0, size)
	}
	if err != nil {
		return r.failed(err)
	}
	v.judge(list)
	return r.with(list, v.conclude(integrity.OpenPGP, list)), nil
}
