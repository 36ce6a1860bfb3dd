package authenticode

import (
	"bytes"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

type signature struct {
	nested bool
	signer cms.Signer
	data   []byte // what is signed
	digest integrity.Algorithm
	sum    []byte // of the file
	stamps []cms.Stamp
	tag    int   // bytes after it in its place, which no signature covers
	err    error // why it cannot be judged any further
}

var (
	oidIndirectData = cms.NewOID("1.3.6.1.4.1.311.2.1.4")
	oidNested       = cms.NewOID("1.3.6.1.4.1.311.2.4.1")
	oidOpusInfo     = cms.NewOID("1.3.6.1.4.1.311.2.1.12")
)

// The data types that signatures name. Firmware tools write other ones, so for programs and
// cabinets only the type of another format is refused: the digested bytes begin with the format's
// mark.
var dataTypes = map[integrity.Format]cms.OID{
	integrity.PE:  cms.NewOID("1.3.6.1.4.1.311.2.1.15"),
	integrity.MSI: cms.NewOID("1.3.6.1.4.1.311.2.1.30"),
	integrity.CAB: cms.NewOID("1.3.6.1.4.1.311.2.1.25"),
}

// subjectInstaller is the subject interface of packages, 000C10F1-0000-0000-C000-000000000046.
// Signatures of scripts have the same data type and another subject interface.
var subjectInstaller = []byte("\xf1\x10\x0c\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46")

// maxPadding is how many zeros may follow a signature, to align it.
const maxPadding = 7

// parseSignatures reads the signatures of a file, each followed by its nested ones, and adds
// their certificates. It returns at least one, or an error.
func parseSignatures(f *layout, file *cms.File) (all []*signature, err error) {
	tooMany := cms.Unsupported("the file has more than %d signatures", MaxSignatures)
	for _, blob := range f.signatures {
		if len(all) == MaxSignatures {
			return nil, tooMany
		}
		s, rest := parseSignature(blob, f.format, file)
		all = append(all, s)
		switch {
		case s.err != nil:
		case f.format == integrity.PE && len(rest) > maxPadding:
			s.tag = len(rest)
		case len(rest) > maxPadding || len(bytes.Trim(rest, "\x00")) > 0:
			s.err = cms.Broken("there are %d bytes after it, in a place that no signature covers", len(rest))
		}
		nested, err := s.signer.Unsigned(oidNested, MaxSignatures, "signatures")
		if err != nil {
			s.err = err
			continue
		}
		for _, blob := range nested {
			if len(all) == MaxSignatures {
				return nil, tooMany
			}
			n, rest := parseSignature(blob, f.format, file)
			n.nested = true
			if n.err == nil && len(rest) > 0 {
				n.err = cms.Broken("there are %d bytes after it", len(rest))
			}
			if deeper, err := n.signer.Unsigned(oidNested, MaxSignatures, "signatures"); n.err == nil && (err != nil || len(deeper) > 0) {
				n.err = cms.Unsupported("there are signatures nested in a nested one")
			}
			all = append(all, n)
		}
	}
	for _, s := range all {
		if s.err == nil {
			s.stamps, s.err = file.Stamps(&s.signer)
		}
	}
	return all, nil
}

func parseSignature(blob []byte, format integrity.Format, file *cms.File) (s *signature, rest []byte) {
	s = &signature{}
	m, rest, err := file.Message(blob, oidIndirectData, cms.TagSequence, cms.MaxCertificates)
	if err != nil {
		s.err = err
		return s, nil
	}
	s.signer, s.data = m.Signer, m.Content
	s.digest, s.sum, s.err = parseIndirectData(m.Content, format)
	return s, rest
}

// parseIndirectData reads the signed digest of the file.
func parseIndirectData(content []byte, format integrity.Format) (integrity.Algorithm, []byte, error) {
	d := cms.Read(content)
	about := d.Take(cms.TagSequence)
	id := about.OID()
	for other, known := range dataTypes {
		if id == known && other != format {
			d.Fail(cms.Broken("it is over a file of format %s, and this is %s", other, format))
		}
	}
	// A package's digested content may begin with anything and be cut into streams anywhere.
	// Anything else that the signer signed would fit, if the signature did not say that it covers
	// a package.
	info := cms.Read(about.Rest()).Take(cms.TagSequence)
	info.Bytes(cms.TagInteger) // the subject interface's version
	if format == integrity.MSI && (id != dataTypes[format] || !bytes.Equal(info.Bytes(cms.TagOctets), subjectInstaller)) {
		d.Fail(cms.Broken("it is over a script or something else that is not a package"))
	}
	alg, sum := d.Only(cms.TagSequence).DigestInfo()
	return alg, sum, d.Err()
}
