package sigstoreverify

import (
	"crypto"
	"errors"
	"io"
)

// content is the file of one Verify call; it is digested once for each algorithm that is needed.
type content struct {
	at      io.ReaderAt
	size    int64
	digests map[crypto.Hash][]byte
	bytes   []byte // all of it, once that was needed

	tooLarge bool // for a signature that was to be tried
}

func newContent(at io.ReaderAt, size int64) *content {
	return &content{at: at, size: size, digests: map[crypto.Hash][]byte{}}
}

func (c *content) digest(hash crypto.Hash) ([]byte, error) {
	if d, ok := c.digests[hash]; ok {
		return d, nil
	}
	h := hash.New()
	// A section reader alone would let a cut-off file pass for a shorter one.
	switch n, err := io.Copy(h, io.NewSectionReader(c.at, 0, c.size)); {
	case err != nil:
		return nil, err
	case n < c.size:
		return nil, io.ErrUnexpectedEOF
	}
	c.digests[hash] = h.Sum(nil)
	return c.digests[hash], nil
}

// whole reads all of a content that has at most MaxPureEd25519 bytes.
func (c *content) whole() ([]byte, error) {
	if c.bytes != nil {
		return c.bytes, nil
	}
	b := make([]byte, c.size)
	if _, err := io.ReadFull(io.NewSectionReader(c.at, 0, c.size), b); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	c.bytes = b
	return b, nil
}
