package openpgp

import (
	"bytes"
	"compress/flate"
	"io"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// Verifier judges OpenPGP signatures by the keys of its signers. It is
// immutable and safe for concurrent use. Make it with [New]; the zero Verifier
// trusts nobody.
type Verifier struct {
	ways []*way
	keys map[uint64][]*key // by key id
	now  time.Time         // zero: judge at the time of the signature
}

type way struct {
	name      string
	threshold int
}

var _ integrity.SignatureVerifier = (*Verifier)(nil)

// At returns a verifier that also requires signature and key to be good at the
// instant now: not expired and not from the future. Otherwise they are judged
// at the time that the signature says it was made.
func (v *Verifier) At(now time.Time) *Verifier {
	at := *v
	at.now = now.UTC()
	return &at
}

// Verify judges the signature of the first size bytes of content. The package
// documentation says which answer means what.
func (v *Verifier) Verify(content io.ReaderAt, size int64, detached []byte) integrity.Signature {
	r, _ := v.Inspect(content, size, detached) // the answer reports the error
	return r.Answer
}

// Inspect judges as Verify does and reports everything it found. The error says
// that content cannot be read or ends before size; the report has what was
// found until then.
func (v *Verifier) Inspect(content io.ReaderAt, size int64, detached []byte) (Report, error) {
	r := Report{Kind: KindNone, Answer: integrity.Signature{Status: integrity.Absent}}
	if content == nil || size < 0 {
		return r.failed(errShort)
	}
	if detached != nil {
		return v.inspectDetached(content, size, detached)
	}
	start := make([]byte, min(size, 512)) // enough to recognize the file
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
			return Report{Kind: KindDebian}.failed(notJudged("the package has a signature inside (debsig), which is not judged; want a detached one"))
		}
	case inlineSigned(start):
		return Report{Kind: KindInline}.failed(notJudged("the file is an OpenPGP message with its content inside; want a detached signature or a clear-signed text"))
	}
	if size > MaxClearsigned {
		if line, _, _ := bytes.Cut(start, []byte("\n")); string(bytes.TrimRight(line, blanks)) == beginSigned {
			return Report{Kind: KindClearsigned}.failed(notJudged("the clear-signed text is larger than 4 MiB"))
		}
		if err := hasEnd(content, size); err != nil {
			return r.failed(err)
		}
		return r, nil
	}
	message := make([]byte, size)
	if err := readAt(content, message, 0); err != nil {
		return r.failed(err)
	}
	text, _, _ := bytes.Cut(message, []byte{0}) // a file with a NUL before the block is no text
	if bytes.HasPrefix(text, []byte(beginSigned)) || bytes.Contains(text, []byte("\n"+beginSigned)) {
		_, r = v.Clearsigned(message)
	}
	return r, nil
}

// hasEnd checks that the last byte of a file can be read: otherwise it was not judged.
func hasEnd(content io.ReaderAt, size int64) error {
	return readAt(content, make([]byte, min(size, 1)), max(size-1, 0))
}

// inlineSigned recognizes messages with their content inside, armored or as "gpg --sign" makes
// them. One compressed by bzip2 has no mark that another file could not have.
func inlineSigned(start []byte) bool {
	inside, compressed := start, byte(0x80|tagCompressed<<2|3) // a packet of compressed data in the old form, without a length
	begin := 0
	switch {
	case bytes.HasPrefix(start, []byte{compressed, 1}):
		begin = 2
	case bytes.HasPrefix(start, []byte{compressed, 2, 0x78}) && len(start) > 4: // zlib: with two bytes before
		begin = 4
	}
	if begin > 0 {
		inside = make([]byte, 3)
		if _, err := io.ReadFull(flate.NewReader(bytes.NewReader(start[begin:])), inside); err != nil {
			return false
		}
	}
	return bytes.HasPrefix(start, []byte(armorBegin+"MESSAGE-----")) ||
		bytes.HasPrefix(inside, []byte{0x80 | tagOnePass<<2, 13, 3}) || bytes.HasPrefix(inside, []byte{0xC0 | tagOnePass, 13, 3})
}

func (v *Verifier) inspectDetached(content io.ReaderAt, size int64, detached []byte) (Report, error) {
	r := Report{Kind: KindDetached}
	file := &subject{name: "file"}
	read := readSignatures
	switch text := bytes.TrimSpace(detached); {
	case len(text) == 0:
		detached = nil // which readSignatures refuses
	case len(detached) > MaxDetached:
		r.Answer = answer(integrity.Unsupported, "", "the signature file has %d bytes; at most %d are allowed", len(detached), MaxDetached)
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
