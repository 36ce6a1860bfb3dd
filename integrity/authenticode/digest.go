package authenticode

import (
	"crypto/subtle"
	"hash"
	"io"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

// fileDigest is what a file has by one algorithm.
type fileDigest struct {
	sum      []byte
	metadata []byte // of an MSI with MsiDigitalSignatureEx
}

// digest reads the file once, by all the algorithms. It may be called once.
func (f *layout) digest(algs []integrity.Algorithm) (map[integrity.Algorithm]fileDigest, error) {
	out := map[integrity.Algorithm]fileDigest{}
	hashes := make([]hash.Hash, len(algs))
	writers := make([]io.Writer, len(algs))
	for i, a := range algs {
		hashes[i] = a.Hash().New()
		writers[i] = hashes[i]
		if f.extended {
			h := a.Hash().New()
			h.Write(f.metadata)
			out[a] = fileDigest{metadata: h.Sum(nil)}
			hashes[i].Write(out[a].metadata)
		}
	}
	if err := f.digested(io.MultiWriter(writers...)); err != nil {
		return nil, err
	}
	for i, a := range algs {
		out[a] = fileDigest{sum: hashes[i].Sum(nil), metadata: out[a].metadata}
	}
	return out, nil
}

// compare wants the file's digest to be the signed one.
func (f *layout) compare(s *signature, has fileDigest) error {
	if subtle.ConstantTimeCompare(s.sum, has.sum) != 1 {
		return cms.Broken("it is over other content: the file was changed")
	}
	if f.extended && len(f.metadataDigest) != len(has.metadata) {
		return cms.Unsupported("the stream MsiDigitalSignatureEx has %d bytes, and the signature is by %s", len(f.metadataDigest), s.digest)
	}
	if f.extended && subtle.ConstantTimeCompare(f.metadataDigest, has.metadata) != 1 {
		return cms.Broken("the stream MsiDigitalSignatureEx is not the %s digest of the package's metadata", s.digest)
	}
	return nil
}
