package authenticode

import (
	"crypto/subtle"
	"hash"
	"io"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

// digest reads the file once, by all the algorithms. Call it once.
func (f *layout) digest(algs []integrity.Algorithm) (map[integrity.Algorithm][]byte, error) {
	hashes, sums := map[integrity.Algorithm]hash.Hash{}, map[integrity.Algorithm][]byte{}
	var writers []io.Writer
	for _, a := range algs {
		if hashes[a] == nil {
			hashes[a] = a.Hash().New()
			hashes[a].Write(f.metadataSum(a))
			writers = append(writers, hashes[a])
		}
	}
	if err := f.digested(io.MultiWriter(writers...)); err != nil {
		return nil, err
	}
	for a, h := range hashes {
		sums[a] = h.Sum(nil)
	}
	return sums, nil
}

// metadataSum is what MsiDigitalSignatureEx should hold, nil without it.
func (f *layout) metadataSum(a integrity.Algorithm) []byte {
	if f.metadata == nil {
		return nil
	}
	h := a.Hash().New()
	h.Write(f.metadata)
	return h.Sum(nil)
}

func (f *layout) compare(s *signature, sum []byte) error {
	metadata := f.metadataSum(s.digest)
	switch {
	case subtle.ConstantTimeCompare(s.sum, sum) != 1:
		return cms.Broken("it is over other content: the file was changed")
	case len(f.metadataDigest) != len(metadata):
		return cms.Unsupported("the stream MsiDigitalSignatureEx has %d bytes, and the signature is by %s", len(f.metadataDigest), s.digest)
	case subtle.ConstantTimeCompare(f.metadataDigest, metadata) != 1:
		return cms.Broken("the stream MsiDigitalSignatureEx is not the %s digest of the package's metadata", s.digest)
	}
	return nil
}
