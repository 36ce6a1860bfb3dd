package cms

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"math/big"
	"slices"
)

// File holds the certificates of one file's messages and counts the cost of reading. The file's
// own certificates are only hints, so those of signatures and timestamps are kept together.
type File struct {
	rules        Rules
	certificates []*Certificate
	known        map[Fingerprint]bool
	pinned       int           // how many of them come from the policy
	Unreadable   int           // certificates that crypto/x509 cannot read
	Checks       int           // public-key operations done
	Bytes        int           // read, copied and digested
	edges        map[edge]bool // whether the one signed the other
}

// edge is a certificate and its possible issuer.
type edge struct{ child, parent Fingerprint }

// NewFile starts a file with the certificates of a policy.
func NewFile(rules Rules, pinned []*Certificate) *File {
	f := &File{rules: rules, known: map[Fingerprint]bool{}, edges: map[edge]bool{}}
	for _, c := range pinned {
		if !f.known[c.Print] {
			f.known[c.Print] = true
			f.certificates = append(f.certificates, c)
		}
	}
	f.pinned = len(f.certificates)
	return f
}

// Add adds a certificate of the file.
func (f *File) Add(raw []byte) error {
	if len(raw) > MaxCertificate {
		return Unsupported("it has a certificate of %d bytes; at most %d are allowed", len(raw), MaxCertificate)
	}
	print := Fingerprint(sha256.Sum256(raw))
	if f.known[print] {
		return nil
	}
	if len(f.known)-f.pinned == MaxCertificates {
		return Unsupported("it has more than %d certificates", MaxCertificates)
	}
	f.known[print] = true
	c, err := x509.ParseCertificate(raw)
	switch {
	case err == nil:
		f.certificates = append(f.certificates, f.rules.Certificate(c))
	case f.rules.Lenient:
		f.Unreadable++
	default:
		return Broken("it has a certificate that cannot be read: %v", err)
	}
	return nil
}

// Find returns the certificate of a signer, or nil.
func (f *File) Find(s *Signer) *Certificate {
	serial := new(big.Int).SetBytes(s.serial)
	return f.first(func(c *Certificate) bool {
		if s.issuer == nil {
			return len(s.keyID) > 0 && bytes.Equal(c.SubjectKeyId, s.keyID)
		}
		return bytes.Equal(c.RawIssuer, s.issuer) && c.SerialNumber.Cmp(serial) == 0
	})
}

func (f *File) first(is func(*Certificate) bool) *Certificate {
	if i := slices.IndexFunc(f.certificates, is); i >= 0 {
		return f.certificates[i]
	}
	return nil
}

// Above lists a certificate and those above it, by the names they give. It does not check that
// they signed each other.
func (f *File) Above(c *Certificate) (path []*Certificate) {
	for c != nil && len(path) < MaxChain {
		path = append(path, c)
		child := c
		c = f.first(func(parent *Certificate) bool {
			sameKey := len(child.AuthorityKeyId) == 0 || len(parent.SubjectKeyId) == 0 || bytes.Equal(child.AuthorityKeyId, parent.SubjectKeyId)
			return bytes.Equal(parent.RawSubject, child.RawIssuer) && sameKey && !slices.Contains(path, parent)
		})
	}
	return path
}

// check counts public-key operations.
func (f *File) check(n int) error {
	if f.Checks += n; f.Checks > MaxChecks {
		return Unsupported("its certificates take more than %d public-key operations to check", MaxChecks)
	}
	return nil
}

// work counts bytes that are read, copied or digested.
func (f *File) work(n int) error {
	if f.Bytes += n; f.Bytes > MaxWork {
		return Unsupported("its signatures take more than %d MiB of reading", MaxWork>>20)
	}
	return nil
}

// Fingerprint is the SHA-256 of a certificate in DER.
type Fingerprint [sha256.Size]byte

func (f Fingerprint) String() string { return hex.EncodeToString(f[:]) }
