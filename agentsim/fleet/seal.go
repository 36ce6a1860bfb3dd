package fleet

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/patchpolicy/patchpolicy/manifest"
)

// cheapKey signs and verifies manifests by a keyed digest: an Ed25519 signature costs as much as half an agent's week.
// TestSealing shows that no history depends on it.
type cheapKey string

var (
	seed  = sha256.Sum256([]byte("patchpolicy fleet"))
	cheap = cheapKey(manifest.Fingerprint(seed[:]))
)

func (k cheapKey) KeyID() string { return string(k) }

func (k cheapKey) Sign(message []byte) ([]byte, error) {
	h := history(1)
	h.text(string(k))
	h.text(string(message))
	return binary.LittleEndian.AppendUint64(nil, uint64(h)), nil
}

func (k cheapKey) Verify(message, signature []byte) error {
	if want, err := k.Sign(message); err != nil || !bytes.Equal(want, signature) {
		return errors.New("not made with this key over these bytes")
	}
	return nil
}
