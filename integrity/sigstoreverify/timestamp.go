package sigstoreverify

import (
	"crypto/x509"
	"errors"
	"time"
)

// verifyTimestamp says when the authority saw the signature.
func verifyTimestamp(token, sig []byte, authorities *x509.CertPool) (time.Time, error) {
	return time.Time{}, errors.New("not judged yet")
}
