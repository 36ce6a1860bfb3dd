package authenticode

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// certificate is one that a file carries, or that a policy brings.
type certificate struct {
	*x509.Certificate
	print fingerprint
	weak  string // why nothing that its key signed carries trust; empty: it may
}

func newCertificate(c *x509.Certificate) *certificate {
	return &certificate{c, fingerprint(sha256.Sum256(c.Raw)), weakKey(c)}
}

// weakKey says why a certificate's key carries no trust; empty: it may.
func weakKey(c *x509.Certificate) string {
	switch k := c.PublicKey.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < MinRSA || bits > MaxRSA {
			return fmt.Sprintf("an RSA key of %d bits; want %d to %d", bits, MinRSA, MaxRSA)
		}
		return ""
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256(), elliptic.P384(), elliptic.P521():
			return ""
		}
		return "an ECDSA key on " + k.Params().Name + "; want P-256, P-384 or P-521"
	default:
		return fmt.Sprintf("a key of kind %s; want RSA or ECDSA", c.PublicKeyAlgorithm)
	}
}

// pool holds all certificates that may be part of a chain. Those of a file are hints and nothing more, so those of its
// signatures and timestamps lie together.
type pool struct {
	certificates []*certificate
	known        map[fingerprint]bool
	pinned       int           // how many of them a policy brought
	unreadable   int           // left out because crypto/x509 does not take them
	checks       int           // public-key operations done
	edges        map[edge]bool // whether the one signed the other
}

// edge is a certificate and one that may have signed it.
type edge struct{ child, parent fingerprint }

func newPool(pinned []*certificate) *pool {
	p := &pool{known: map[fingerprint]bool{}, edges: map[edge]bool{}}
	for _, c := range pinned {
		if !p.known[c.print] {
			p.known[c.print] = true
			p.certificates = append(p.certificates, c)
		}
	}
	p.pinned = len(p.certificates)
	return p
}

// add notes a certificate of the file.
func (p *pool) add(raw []byte) error {
	if len(raw) > MaxCertificate {
		return unsupported("it has a certificate of %d bytes; at most %d", len(raw), MaxCertificate)
	}
	f := fingerprint(sha256.Sum256(raw))
	if p.known[f] {
		return nil
	}
	if len(p.known)-p.pinned == MaxCertificates {
		return unsupported("it has more than %d certificates", MaxCertificates)
	}
	p.known[f] = true
	c, err := x509.ParseCertificate(raw)
	if err != nil {
		p.unreadable++
		return nil
	}
	p.certificates = append(p.certificates, &certificate{c, f, weakKey(c)})
	return nil
}

// find returns the certificate of a signer, nil if there is none.
func (p *pool) find(s signerInfo) *certificate {
	serial := new(big.Int).SetBytes(s.serial)
	i := slices.IndexFunc(p.certificates, func(c *certificate) bool {
		if s.issuer == nil {
			return len(s.keyID) > 0 && bytes.Equal(c.SubjectKeyId, s.keyID)
		}
		return bytes.Equal(c.RawIssuer, s.issuer) && c.SerialNumber.Cmp(serial) == 0
	})
	if i < 0 {
		return nil
	}
	return p.certificates[i]
}

// spend counts public-key operations, which a hostile file could ask for by the thousand.
func (p *pool) spend(n int) error {
	if p.checks += n; p.checks > MaxChecks {
		return unsupported("its certificates take more than %d public-key operations to check", MaxChecks)
	}
	return nil
}

// signed tells whether the parent's key signed the child. A child that names the very key and was not signed by it was
// changed: that is broken.
func (p *pool) signed(child, parent *certificate) (bool, error) {
	if !bytes.Equal(child.RawIssuer, parent.RawSubject) || parent.weak != "" {
		return false, nil
	}
	e := edge{child.print, parent.print}
	ok, known := p.edges[e]
	if !known {
		if err := p.spend(1); err != nil {
			return false, err
		}
		err := child.CheckSignatureFrom(parent.Certificate)
		ok = err == nil
		p.edges[e] = ok
		named := len(child.AuthorityKeyId) > 0 && bytes.Equal(child.AuthorityKeyId, parent.SubjectKeyId)
		if weak := (x509.InsecureAlgorithmError)(0); !ok && named && parent.IsCA && !errors.As(err, &weak) {
			return false, broken("the certificate of %.200q was changed: %.200q did not sign it", child.Subject, parent.Subject)
		}
	}
	return ok, nil
}

// chain is a chain of certificates that holds, from its first one to an anchor.
type chain struct {
	certificates []*certificate
	from, to     time.Time // while all of them are valid, both included
}

func (c chain) anchor() fingerprint { return c.certificates[len(c.certificates)-1].print }

func (c chain) validAt(t time.Time) bool { return !t.Before(c.from) && !t.After(c.to) }

// maxVisits bounds the search for chains among certificates that signed each other in every way; eight are usual.
const maxVisits = 1000

// chains finds the chains from leaf to any anchor that are good for the usage at some time.
// Without one it returns a *refusal that says why.
func (p *pool) chains(leaf *certificate, anchored func(fingerprint) bool, usage x509.ExtKeyUsage) ([]chain, error) {
	if leaf.weak != "" {
		return nil, untrusted("the certificate of %.200q has %s", leaf.Subject, leaf.weak)
	}
	if err := fitToSign(leaf, usage); err != nil {
		return nil, err
	}
	var found []chain
	var why error = untrusted("the certificate of %.200q, issued by %.200q, leads to no certificate that is pinned here", leaf.Subject, leaf.Issuer)
	visits := 0
	var walk func(path []*certificate) error
	walk = func(path []*certificate) error {
		if visits++; visits > maxVisits {
			return unsupported("its certificates form too many chains")
		}
		end := path[len(path)-1]
		if anchored(end.print) {
			c, err := p.confirm(slices.Clone(path), usage)
			switch r, refused := err.(*refusal); {
			case err == nil:
				found = append(found, c)
			case refused && r.status == integrity.Unsupported:
				return err
			default:
				why = err
			}
		}
		if len(path) == MaxChain {
			return nil
		}
		for _, parent := range p.certificates {
			if slices.Contains(path, parent) {
				continue
			}
			ok, err := p.signed(end, parent)
			if err != nil {
				return err
			}
			if ok {
				if err := walk(append(path, parent)); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := walk([]*certificate{leaf}); err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, why
	}
	return found, nil
}

// fitToSign wants a certificate that says itself that it is for the usage. The library takes one that says nothing, too.
func fitToSign(leaf *certificate, usage x509.ExtKeyUsage) error {
	if !slices.Contains(leaf.ExtKeyUsage, usage) {
		return untrusted("the certificate of %.200q is not for %s", leaf.Subject, usageName(usage))
	}
	if leaf.KeyUsage != 0 && leaf.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0 {
		return untrusted("the key of %.200q is not for signatures", leaf.Subject)
	}
	return nil
}

func usageName(usage x509.ExtKeyUsage) string {
	if usage == x509.ExtKeyUsageTimeStamping {
		return "timestamps"
	}
	return "signing code"
}

// confirm has the standard library check a whole path: constraints on names and lengths, usages, critical extensions.
func (p *pool) confirm(path []*certificate, usage x509.ExtKeyUsage) (chain, error) {
	c := chain{certificates: path, from: path[0].NotBefore, to: path[0].NotAfter}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for i, cert := range path {
		if cert.NotBefore.After(c.from) {
			c.from = cert.NotBefore
		}
		if cert.NotAfter.Before(c.to) {
			c.to = cert.NotAfter
		}
		if i > 0 && i < len(path)-1 {
			between.AddCert(cert.Certificate)
		}
	}
	if c.from.After(c.to) {
		return c, untrusted("the certificate of %.200q and those above it were never valid together", path[0].Subject)
	}
	roots.AddCert(path[len(path)-1].Certificate)
	if err := p.spend(len(path)); err != nil {
		return c, err
	}
	_, err := path[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: c.from, KeyUsages: []x509.ExtKeyUsage{usage}})
	if err != nil {
		return c, untrusted("the certificate of %.200q does not hold: %v", path[0].Subject, err)
	}
	return c, nil
}
