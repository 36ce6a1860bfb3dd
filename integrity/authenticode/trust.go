package authenticode

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
)

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
