package openpgp

import (
	"crypto"
	_ "crypto/sha1" // a header's digest that proves nothing, but has to be right
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// rpmFile is a package taken apart.
type rpmFile struct {
	content    io.ReaderAt
	size       int64
	signatures *rpmHeader
	header     *rpmHeader
	overHeader subject
	overBoth   subject
	list       []*found
	single     int         // how many of the list have a tag of their own
	payload    crypto.Hash // of the digests that the header promises of the payload; zero: none that carries trust
	promised   []string    // those digests, in lower-case hex: of the payload as it was packed, and not compressed
}

// headerDigests are the digests of the header that the signature header carries.
var headerDigests = []struct {
	tag       uint32
	algorithm crypto.Hash
}{{tagSHA1Header, crypto.SHA1}, {tagSHA256Header, crypto.SHA256}, {tagSHA3Header, crypto.SHA3_256}}

// inspectRPM judges a package by the signatures in it.
func (v *Verifier) inspectRPM(content io.ReaderAt, size int64) (Report, error) {
	r := Report{Kind: KindRPM, Answer: integrity.Signature{Format: integrity.RPM}}
	f, err := openRPM(content, size)
	if err != nil {
		return r.failed(integrity.RPM, "the package is broken", err)
	}
	v.prepare(f.list)
	payload := &subject{name: "payload"}
	if f.payload != 0 {
		payload.want(f.payload, false, nil)
	}
	for _, d := range headerDigests {
		if _, has := f.signatures.values[d.tag]; has {
			f.overHeader.want(d.algorithm, false, nil)
		}
	}
	if err := feed(io.MultiWriter(&f.overHeader, &f.overBoth), content, f.header.start, f.header.end-f.header.start); err != nil {
		return r.failed(integrity.RPM, "the package is broken", err)
	}
	if err := feed(io.MultiWriter(payload, &f.overBoth), content, f.header.end, size-f.header.end); err != nil {
		return r.failed(integrity.RPM, "the package is broken", err)
	}
	v.judge(f.list)

	for _, d := range headerDigests {
		if value, has := f.signatures.values[d.tag]; has {
			texts, _ := value.strings()
			holds := value.kind == typeString && len(texts) == 1 && strings.ToLower(texts[0]) == f.overHeader.sum(d.algorithm)
			r.Digests = append(r.Digests, DigestInfo{"header", d.algorithm.String(), holds})
		}
	}
	if f.payload != 0 {
		r.Digests = append(r.Digests, DigestInfo{"payload", f.payload.String(), slices.Contains(f.promised, payload.sum(f.payload))})
	} else {
		r.Odd = append(r.Odd, "the header promises no digest of the payload that carries trust, as rpm's own did before version 4.14")
	}
	for _, s := range f.list {
		if s.Outcome == Good && s.over == &f.overHeader && f.payload == 0 {
			s.drop(NotCovering, "it covers the header only, and the header has no trusted digest of the payload")
		}
	}
	answer := v.conclude(integrity.RPM, f.list)
	if len(f.list) == 0 && f.signatures.unjudged != 0 {
		answer = unjudged(r, integrity.RPM, "the package is not signed as a whole; its signatures in tag %d are not judged", f.signatures.unjudged).Answer
	} else if len(f.list) == 0 {
		answer = integrity.Signature{Status: integrity.Absent, Format: integrity.RPM}
	} else if i := slices.IndexFunc(f.list[:f.single], unproven); i >= 0 && answer.Status == integrity.Valid {
		answer = bad(r, integrity.RPM, "beside a good signature there is one that has to hold as well: %s", f.list[i].sentence()).Answer
	}
	if answer.Status != integrity.Bad {
		for _, d := range r.Digests {
			if !d.Holds {
				answer = bad(r, integrity.RPM, "the %s does not have the %s digest that the package says", d.Covers, d.Algorithm).Answer
			}
		}
	}
	return r.with(f.list, answer), nil
}

// unproven tells of a signature that rpm wants to hold, whatever others do, whether that is not known. Of those in base64
// one may be by a key or of a kind that only others know.
func unproven(s *found) bool { return s.Signer == "" }

// openRPM reads the headers.
func openRPM(content io.ReaderAt, size int64) (*rpmFile, error) {
	f := &rpmFile{content: content, size: size, overHeader: subject{name: "header"}, overBoth: subject{name: "header and payload"}}
	lead := make([]byte, leadSize)
	if size < leadSize {
		return nil, errRPMCut
	}
	if err := readAt(content, lead, 0); err != nil {
		return nil, err
	}
	switch version, kind := lead[4], binary.BigEndian.Uint16(lead[78:]); {
	case version == 1 || version == 2 || kind < 5: // those of the first years, without headers
		return nil, notJudged("its lead says version %d and kind of signature %d, which no package has any more", version, kind)
	case version != 3 && version != 4 || kind != 5:
		return nil, fmt.Errorf("its lead says version %d and kind of signature %d", version, kind)
	}
	var err error
	f.signatures, err = readRPMHeader(content, size, leadSize, tagHeaderSignatures, maxSignatureTags, []uint32{tagDSAHeader, tagRSAHeader,
		tagSHA1Header, tagLongSize, tagSHA256Header, tagOpenPGP, tagSHA3Header, tagSize, tagPGP, tagGPG})
	if err != nil {
		return nil, err
	}
	start := (f.signatures.end + 7) &^ 7
	f.header, err = readRPMHeader(content, size, start, tagHeaderImmutable, maxTags, []uint32{tagPayloadDigest, tagPayloadAlgorithm, tagPayloadPlain})
	if err != nil {
		return nil, err
	}
	for _, tag := range []uint32{tagSize, tagLongSize} {
		if value, has := f.signatures.values[tag]; has {
			if n, ok := value.number(); !ok || n != uint64(size-start) {
				return nil, fmt.Errorf("header and payload have %d bytes, and not as many as the package says", size-start)
			}
		}
	}
	if !f.header.region {
		return nil, notJudged("it is of format 3, before RPM 4: its header has no region")
	}
	f.readPromise()
	return f, f.readSignatures()
}

// readPromise finds the digests of the payload in the header. Without the tag of their algorithm they are SHA-256, as in
// format 6.
func (f *rpmFile) readPromise() {
	algorithm, has := f.header.values[tagPayloadAlgorithm]
	number, known := algorithm.number()
	if !has {
		number, known = 8, true
	}
	for _, tag := range []uint32{tagPayloadDigest, tagPayloadPlain} {
		digests, _ := f.header.values[tag].strings()
		if known && len(digests) == 1 && number < 256 {
			f.payload = strongHashes[byte(number)]
			f.promised = append(f.promised, strings.ToLower(digests[0]))
		}
	}
}

// readSignatures finds the signatures over the header, and over header and payload.
func (f *rpmFile) readSignatures() error {
	for _, tag := range []uint32{tagRSAHeader, tagDSAHeader, tagPGP, tagGPG} {
		value, has := f.signatures.values[tag]
		if !has {
			continue
		}
		if value.kind != typeBinary {
			return fmt.Errorf("the signature in tag %d is not binary", tag)
		}
		over := &f.overHeader
		if tag == tagPGP || tag == tagGPG {
			over = &f.overBoth
		}
		if err := f.addSignature(value.data, over); err != nil {
			return err
		}
	}
	f.single = len(f.list)
	if value, has := f.signatures.values[tagOpenPGP]; has {
		texts, ok := value.strings()
		if !ok {
			return errors.New("the signatures in tag 278 are no texts")
		}
		for _, text := range texts {
			data, err := base64.StdEncoding.Strict().DecodeString(text)
			if err != nil {
				return fmt.Errorf("a signature in tag 278 is broken: %w", err)
			}
			if err := f.addSignature(data, &f.overHeader); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *rpmFile) addSignature(data []byte, over *subject) error {
	list, err := readSignatures(data, over)
	switch {
	case err != nil:
		return fmt.Errorf("a signature is broken: %w", err)
	case len(list) != 1:
		return fmt.Errorf("there are %d signatures where one has to be", len(list))
	case len(f.list) == MaxSignatures:
		return notJudged("there are more than %d signatures", MaxSignatures)
	}
	switch s := list[0]; {
	case s.packet == nil:
	case s.packet.SigType != packet.SigTypeBinary:
		s.drop(WrongUse, "it is a signature over a text")
	case s.Version == 4 && !s.namesID:
		s.drop(Broken, "it does not name its key by id, as rpm needs it")
	}
	f.list = append(f.list, list[0])
	return nil
}

// sum returns the digest of what was written to the subject, in lower-case hex.
func (s *subject) sum(algorithm crypto.Hash) string {
	return hex.EncodeToString(s.want(algorithm, false, nil).state.Sum(nil))
}
