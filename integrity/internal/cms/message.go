package cms

import (
	"crypto/x509"
	"slices"

	"github.com/patchpolicy/patchpolicy/integrity"
)

var (
	oidSignedData    = NewOID("1.2.840.113549.1.7.2")
	oidData          = NewOID("1.2.840.113549.1.7.1")
	OIDTimestampInfo = NewOID("1.2.840.113549.1.9.16.1.4")

	oidContentType        = NewOID("1.2.840.113549.1.9.3")
	oidMessageDigest      = NewOID("1.2.840.113549.1.9.4")
	oidSigningTime        = NewOID("1.2.840.113549.1.9.5")
	oidCountersignature   = NewOID("1.2.840.113549.1.9.6")
	oidSigningCertV1      = NewOID("1.2.840.113549.1.9.16.2.12") // by SHA-1
	oidSigningCertV2      = NewOID("1.2.840.113549.1.9.16.2.47")
	oidMicrosoftTimestamp = NewOID("1.3.6.1.4.1.311.3.3.1")
)

// digests are the digest algorithms that a message may name. Only those that are not Legacy carry
// trust (INT-7).
var digests = map[OID]integrity.Algorithm{
	NewOID("2.16.840.1.101.3.4.2.1"): integrity.SHA256,
	NewOID("2.16.840.1.101.3.4.2.2"): integrity.SHA384,
	NewOID("2.16.840.1.101.3.4.2.3"): integrity.SHA512,
	NewOID("1.3.14.3.2.26"):          integrity.SHA1,
	NewOID("1.2.840.113549.2.5"):     integrity.MD5,
}

// Message is a SignedData with one signer.
type Message struct {
	Content []byte // of the signed element, without its tag and length: what the digest is over
	Signer  Signer
}

// Begins reports whether b begins as a ContentInfo with a SignedData does.
func Begins(b []byte) bool { return Read(b).Take(TagSequence).OID() == oidSignedData }

// Message reads a ContentInfo with a SignedData, whose content must have the type and tag. It
// adds at most the given number of certificates, and returns what follows in b.
func (f *File) Message(b []byte, contentType OID, tag byte, certificates int) (m Message, rest []byte, err error) {
	whole, rest, err := f.toDER(b)
	if err != nil {
		return m, nil, err
	}
	r := Read(whole)
	outer := r.Only(TagSequence)
	if outer.OID() != oidSignedData {
		outer.Fail(Broken("it is not PKCS #7 SignedData"))
	}
	sd := outer.Only(TagContext0).Only(TagSequence)
	sd.version(1, 2, 3, 4, 5)
	listed := sd.digestAlgorithms()
	info := sd.Take(TagSequence)
	if id := info.OID(); id != contentType {
		info.Fail(Unsupported("what is signed is of type %s, not %s", id, contentType))
	}
	m.Content = info.Only(TagContext0).Only(tag).left
	if sd.Has(TagContext0) {
		f.readCertificates(sd.Take(TagContext0), certificates)
	}
	if sd.Has(TagContext1) {
		sd.Take(TagContext1).revocationLists()
	}
	signers := sd.Only(TagSet)
	m.Signer = signers.signer()
	if signers.More() {
		signers.Fail(Broken("it has more than one signer"))
	}
	// The list is not signed, but other readers digest by it alone.
	if !slices.Contains(listed, m.Signer.Digest) {
		r.Fail(Broken("it does not name its signer's digest algorithm, %s", m.Signer.Digest))
	}
	for _, a := range listed {
		if a != m.Signer.Digest && (a == 0 || a.Legacy()) {
			r.Fail(Broken("it lists a digest algorithm that carries no trust and is not its signer's"))
		}
	}
	if r.Err() != nil {
		return Message{}, nil, r.Err()
	}
	return m, rest, nil
}

// digestAlgorithms lists the algorithms of a SignedData; an unknown one is zero.
func (r *Reader) digestAlgorithms() (listed []integrity.Algorithm) {
	for set := r.Take(TagSet); set.More(); {
		if len(listed) == maxAlgorithms {
			set.Fail(ErrDER)
		}
		listed = append(listed, digests[set.algorithm()])
	}
	return listed
}

// revocationLists wants lists of what was revoked, which are not judged.
func (r *Reader) revocationLists() {
	for r.More() {
		tag, list, _ := r.Next()
		if r.Err() != nil || tag == TagContext1 { // another form, such as an answer by OCSP
			continue
		}
		if _, err := x509.ParseRevocationList(list); err != nil {
			r.Fail(Unsupported("a revocation list in it cannot be read: %v", err))
		}
	}
}

func (f *File) readCertificates(r *Reader, most int) {
	for n := 0; r.More(); n++ {
		tag, cert, _ := r.Next()
		if n == most {
			r.Fail(Unsupported("it has more than %d certificates", most))
		}
		switch {
		case r.Err() != nil:
		case tag == TagSequence:
			if err := f.Add(cert); err != nil {
				r.Fail(err)
			}
		case tag < TagContext0 || tag > TagContext0+3: // other kinds, which Microsoft's authorities add
			r.Fail(Broken("there is something else among its certificates"))
		}
	}
}

// Signer is what one signer signed, and how.
type Signer struct {
	Digest    integrity.Algorithm
	Signature []byte

	issuer, serial []byte // of the signer's certificate, or
	keyID          []byte // its key's identifier
	attributes     []attribute
	signed         []byte // the attributes as they are signed; empty: the content itself is signed
	algorithm      OID
	others         []attribute // not signed
}

type attribute struct {
	id     OID
	values []byte
}

func (r *Reader) signer() (s Signer) {
	info := r.Take(TagSequence)
	info.version(1, 3)
	if info.Has(TagSequence) {
		id := info.Take(TagSequence)
		var tag byte
		if tag, s.issuer, _ = id.Next(); tag != TagSequence {
			id.Fail(ErrDER)
		}
		s.serial = id.Only(TagInteger).left
	} else {
		s.keyID = info.Bytes(TagContext)
	}
	id := info.algorithm()
	if s.Digest = digests[id]; s.Digest == 0 {
		info.Fail(Unsupported("its digest algorithm %s is not known", id))
	}
	if info.Has(TagContext0) {
		_, signed, body := info.Next()
		s.signed = append([]byte{TagSet}, signed[min(1, len(signed)):]...) // as such they are signed
		s.attributes = body.attributes()
	}
	for i, a := range s.attributes {
		values := Read(a.values)
		values.Next()
		values.End()
		if values.Err() != nil {
			info.Fail(Broken("its signed attribute %s has not one value", a.id))
		}
		if slices.ContainsFunc(s.attributes[:i], func(b attribute) bool { return b.id == a.id }) {
			info.Fail(Broken("its signed attribute %s occurs twice", a.id))
		}
	}
	s.algorithm = info.algorithm()
	s.Signature = info.Bytes(TagOctets)
	if info.Has(TagContext1) {
		s.others = info.Take(TagContext1).attributes()
	}
	info.End()
	if r.Err() != nil {
		return Signer{}
	}
	return s
}

func (r *Reader) attributes() (all []attribute) {
	for r.More() {
		if len(all) == MaxAttributes {
			r.Fail(Unsupported("it has more than %d attributes", MaxAttributes))
		}
		seq := r.Take(TagSequence)
		all = append(all, attribute{seq.OID(), seq.Only(TagSet).left})
	}
	return all
}

// Signed returns the value of a signed attribute, which must exist and have the tag; tag zero:
// any.
func (s *Signer) Signed(id OID, want byte) (tag byte, content []byte, err error) {
	i := slices.IndexFunc(s.attributes, func(a attribute) bool { return a.id == id })
	if i < 0 {
		return 0, nil, Broken("it lacks the attribute %s", id)
	}
	tag, _, value := Read(s.attributes[i].values).Next()
	if want != 0 && tag != want {
		return 0, nil, Broken("its attribute %s is of another kind", id)
	}
	return tag, value.left, nil
}

// Unsigned lists the values of an unsigned attribute, at most so many.
func (s *Signer) Unsigned(id OID, most int, what string) (values [][]byte, err error) {
	for _, a := range s.others {
		for r := Read(a.values); a.id == id && r.More(); {
			if len(values) == most {
				return nil, Unsupported("it has more than %d %s", most, what)
			}
			_, whole, _ := r.Next()
			values = append(values, whole)
			err = r.Err()
		}
	}
	return values, err
}
