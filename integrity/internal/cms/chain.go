package cms

import (
	"bytes"
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// signed reports whether the parent's key signed the child. If the child names exactly that key
// and was not signed by it, it was changed: that is broken.
func (f *File) signed(child, parent *Certificate) (bool, error) {
	if !bytes.Equal(child.RawIssuer, parent.RawSubject) || parent.Weak != "" {
		return false, nil
	}
	e := edge{child.Print, parent.Print}
	ok, known := f.edges[e]
	if !known {
		if err := f.check(1); err != nil {
			return false, err
		}
		err := child.CheckSignatureFrom(parent.Certificate)
		ok = err == nil
		f.edges[e] = ok
		named := len(child.AuthorityKeyId) > 0 && bytes.Equal(child.AuthorityKeyId, parent.SubjectKeyId)
		if named && parent.IsCA && isWrong(err) {
			return false, Broken("the certificate of %.200q was changed: %.200q did not sign it", child.Holder(), parent.Holder())
		}
	}
	return ok, nil
}

// isWrong reports whether a signature does not hold. One of a kind that is not accepted is only
// of no use.
func isWrong(err error) bool {
	_, insecure := errors.AsType[x509.InsecureAlgorithmError](err)
	_, unfit := errors.AsType[x509.ConstraintViolationError](err)
	return err != nil && !insecure && !unfit && !errors.Is(err, x509.ErrUnsupportedAlgorithm)
}

// Chain is a chain of certificates that holds, from the first to an anchor.
type Chain struct {
	certificates []*Certificate
	from, to     time.Time // while all of them are valid, both included
}

func (c Chain) endsIn(anchors []Fingerprint) bool {
	return slices.Contains(anchors, c.certificates[len(c.certificates)-1].Print)
}

func (c Chain) validAt(t time.Time) bool { return !t.Before(c.from) && !t.After(c.to) }

type Chains []Chain

func (c Chains) EndIn(anchors []Fingerprint) bool {
	return slices.ContainsFunc(c, func(c Chain) bool { return c.endsIn(anchors) })
}

// ValidAt reports whether a chain to one of the anchors was valid at the time.
func (c Chains) ValidAt(anchors []Fingerprint, t time.Time) bool {
	return slices.ContainsFunc(c, func(c Chain) bool { return c.endsIn(anchors) && c.validAt(t) })
}

// Chains finds the chains from leaf to any anchor that are good for the usage at some time. If
// there is none, the error is a [Refusal] that says why.
func (f *File) Chains(leaf *Certificate, anchors []Fingerprint, usage x509.ExtKeyUsage) (Chains, error) {
	if leaf.Weak != "" {
		return nil, Untrusted("the certificate of %.200q has %s", leaf.Holder(), leaf.Weak)
	}
	if err := f.rules.Fit(leaf, usage); err != nil {
		return nil, err
	}
	var found Chains
	var why error = Stranger("the certificate of %.200q, issued by %.200q, leads to no certificate that is pinned here", leaf.Holder(), leaf.Issuer)
	visits := 0
	var walk func(path []*Certificate) error
	walk = func(path []*Certificate) error {
		if visits++; visits > maxVisits {
			return Unsupported("its certificates form too many chains")
		}
		end := path[len(path)-1]
		if slices.Contains(anchors, end.Print) {
			c, err := f.confirm(slices.Clone(path), usage)
			switch r, refused := err.(*Refusal); {
			case err == nil:
				found = append(found, c)
			case refused && r.Status == integrity.Unsupported:
				return err
			default:
				why = err
			}
		}
		if len(path) == MaxChain {
			return nil
		}
		for _, parent := range f.certificates {
			if slices.Contains(path, parent) {
				continue
			}
			weak := parent.Weak != "" && !bytes.Equal(parent.RawIssuer, parent.RawSubject)
			if bytes.Equal(end.RawIssuer, parent.RawSubject) && (weak || !parent.IsCA) { // not a stranger's chain, but one that anybody could make
				why = Untrusted("the certificate of %.200q leads to no certificate that is pinned here: its issuer, %.200q, is weak or no authority", end.Holder(), end.Issuer)
			}
			ok, err := f.signed(end, parent)
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
	if err := walk([]*Certificate{leaf}); err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, why
	}
	return found, nil
}

// confirm checks a whole path with crypto/x509: constraints on names and lengths, usages,
// critical extensions.
func (f *File) confirm(path []*Certificate, usage x509.ExtKeyUsage) (Chain, error) {
	c := Chain{certificates: path, from: path[0].NotBefore, to: path[0].NotAfter}
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
		return c, Untrusted("the certificate of %.200q and those above it were never valid together", path[0].Holder())
	}
	roots.AddCert(path[len(path)-1].Certificate)
	if err := f.check(len(path)); err != nil {
		return c, err
	}
	_, err := path[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: c.from, KeyUsages: []x509.ExtKeyUsage{usage}})
	if err != nil {
		return c, Untrusted("the certificate of %.200q does not hold: %v", path[0].Holder(), err)
	}
	return c, nil
}
