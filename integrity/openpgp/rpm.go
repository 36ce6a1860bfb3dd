package openpgp

import (
	"crypto"
	_ "crypto/sha1" // for a header's digest, which must be right though it proves nothing
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

type rpmFile struct {
	signatures  *rpmHeader
	header      *rpmHeader
	overHeader  subject
	overPayload subject
	overBoth    subject
	list        []*found
	single      int // how many of the list have a tag of their own
	promises    []promise
	covered     bool // the payload, by a digest in the header that carries trust
}

// promise is a digest that a header names: it must be one of want, in hex.
type promise struct {
	*digest
	covers string
	want   []string
}

func (v *Verifier) inspectRPM(content io.ReaderAt, size int64) (Report, error) {
	r := Report{Kind: KindRPM, Answer: integrity.Signature{Format: integrity.RPM}}
	f, err := openRPM(content, size)
	if err != nil {
		return r.failed(err)
	}
	v.prepare(f.list)
	f.readPromises()
	_, _ = io.MultiWriter(&f.overHeader, &f.overBoth).Write(f.header.raw)
	if err := feed(io.MultiWriter(&f.overPayload, &f.overBoth), content, f.header.end(), size-f.header.end()); err != nil {
		return r.failed(err)
	}
	v.judge(f.list)

	for _, p := range f.promises {
		sum := hex.EncodeToString(p.state.Sum(nil))
		holds := slices.ContainsFunc(p.want, func(d string) bool { return strings.EqualFold(d, sum) })
		r.Digests = append(r.Digests, DigestInfo{p.covers, p.algorithm.String(), holds})
	}
	if !f.covered {
		r.Odd = append(r.Odd, "the header promises no digest of the payload that carries trust, as rpm's own did before version 4.14")
		for _, s := range f.list {
			if s.Outcome == Good && s.over == &f.overHeader {
				s.drop(NotCovering, "it covers the header only, and the header has no trusted digest of the payload")
			}
		}
	}
	// Rpm wants a signature with a tag of its own to hold, whatever others do. Of those in base64
	// one may be by a key or of a kind that only others know.
	unproven := slices.IndexFunc(f.list[:f.single], func(s *found) bool { return s.Signer == "" })
	a := v.conclude(integrity.RPM, f.list)
	switch {
	case len(f.list) == 0 && f.signatures.unjudged != 0:
		a = answer(integrity.Unsupported, integrity.RPM, "the package is not signed as a whole; its signatures in tag %d are not judged", f.signatures.unjudged)
	case len(f.list) == 0:
		a = integrity.Signature{Status: integrity.Absent, Format: integrity.RPM}
	case unproven >= 0 && a.Status == integrity.Valid:
		a = answer(integrity.Bad, integrity.RPM, "beside a good signature there is one that has to hold as well: %s", f.list[unproven].sentence())
	}
	for _, d := range r.Digests {
		if !d.Holds && (a.Status != integrity.Bad || a.Untrusted) {
			a = answer(integrity.Bad, integrity.RPM, "the %s does not have the %s digest that the package says", d.Covers, d.Algorithm)
		}
	}
	return r.with(f.list, a), nil
}

func openRPM(content io.ReaderAt, size int64) (*rpmFile, error) {
	f := &rpmFile{overHeader: subject{name: "header"}, overPayload: subject{name: "payload"}, overBoth: subject{name: "header and payload"}}
	lead, err := readPart(content, size, 0, leadSize)
	if err != nil {
		return nil, err
	}
	switch version, kind := lead[4], binary.BigEndian.Uint16(lead[78:]); {
	case version == 1 || version == 2 || kind < 5: // those of the first years, without headers
		return nil, notJudged("its lead says version %d and kind of signature %d, which packages no longer have", version, kind)
	case version != 3 && version != 4 || kind != 5:
		return nil, fmt.Errorf("its lead says version %d and kind of signature %d", version, kind)
	}
	f.signatures, err = readRPMHeader(content, size, leadSize, tagHeaderSignatures, maxSignatureTags, []uint32{tagDSAHeader, tagRSAHeader,
		tagSHA1Header, tagLongSize, tagSHA256Header, tagOpenPGP, tagSHA3Header, tagSize, tagPGP, tagGPG})
	if err != nil {
		return nil, err
	}
	start := (f.signatures.end() + 7) &^ 7
	f.header, err = readRPMHeader(content, size, start, tagHeaderImmutable, maxTags, []uint32{tagPayloadDigest, tagPayloadAlgorithm, tagPayloadPlain})
	if err != nil {
		return nil, err
	}
	for _, tag := range []uint32{tagSize, tagLongSize} {
		if value, has := f.signatures.values[tag]; has {
			if n, ok := value.number(); !ok || n != uint64(size-start) {
				return nil, fmt.Errorf("header and payload have %d bytes, which is not what the package says", size-start)
			}
		}
	}
	if !f.header.region {
		return nil, notJudged("it is of format 3, before RPM 4: its header has no region")
	}
	return f, f.readSignatures()
}

// readPromises finds the digests of the header, in the signature header, and those of the
// payload, compressed or not, in the header. Without the tag of their algorithm these are
// SHA-256, as in format 6.
func (f *rpmFile) readPromises() {
	for _, d := range []struct {
		tag       uint32
		algorithm crypto.Hash
	}{{tagSHA1Header, crypto.SHA1}, {tagSHA256Header, crypto.SHA256}, {tagSHA3Header, crypto.SHA3_256}} {
		if value, has := f.signatures.values[d.tag]; has {
			p := promise{f.overHeader.want(d.algorithm, false, nil), f.overHeader.name, nil}
			if value.kind == typeString {
				p.want, _ = value.strings()
			}
			f.promises = append(f.promises, p)
		}
	}
	number, known := uint64(8), true
	if value, has := f.header.values[tagPayloadAlgorithm]; has {
		number, known = value.number()
	}
	if !known || number > 255 || strongHashes[byte(number)] == 0 {
		return
	}
	var want []string
	for _, tag := range []uint32{tagPayloadDigest, tagPayloadPlain} {
		if digests, _ := f.header.values[tag].strings(); len(digests) == 1 {
			want = append(want, digests[0])
		}
	}
	if f.covered = len(want) > 0; f.covered {
		f.promises = append(f.promises, promise{f.overPayload.want(strongHashes[byte(number)], false, nil), f.overPayload.name, want})
	}
}

func (f *rpmFile) readSignatures() error {
	for _, s := range []struct {
		tag  uint32
		over *subject
	}{{tagRSAHeader, &f.overHeader}, {tagDSAHeader, &f.overHeader}, {tagPGP, &f.overBoth}, {tagGPG, &f.overBoth}} {
		value, has := f.signatures.values[s.tag]
		if !has {
			continue
		}
		if value.kind != typeBinary {
			return fmt.Errorf("the signature in tag %d is not binary", s.tag)
		}
		if err := f.addSignature(value.data, s.over); err != nil {
			return err
		}
	}
	f.single = len(f.list)
	if value, has := f.signatures.values[tagOpenPGP]; has {
		texts, ok := value.strings()
		if !ok {
			return errors.New("the signatures in tag 278 are not texts")
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
		return fmt.Errorf("there are %d signatures; want one", len(list))
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
