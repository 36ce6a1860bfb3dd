package sigstoreverify

import (
	"crypto"
	"errors"
	"fmt"
	"io"

	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
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

// isFile refuses content that only stands for something else: what an envelope's signatures are over is made of its
// payload, and whoever signed that did not call it a file of theirs, whatever words of others are in it.
func (c *content) isFile() error {
	head := make([]byte, min(c.size, int64(len(envelopeMark))))
	if _, err := c.at.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("the content cannot be read: %w", err)
	}
	if string(head) == envelopeMark {
		return cms.Broken("the content is no file but a statement taken out of its envelope (it begins with %q)", envelopeMark)
	}
	return nil
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
