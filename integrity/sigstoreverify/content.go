package sigstoreverify

import (
	"crypto"
	"errors"
	"fmt"
	"io"

	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

// content is the file of one Verify call. It is digested once per algorithm.
type content struct {
	at      io.ReaderAt
	size    int64
	digests map[crypto.Hash][]byte // whole among them

	tooLarge bool // for a signature that needs the whole content
}

func newContent(at io.ReaderAt, size int64) *content {
	return &content{at: at, size: size, digests: map[crypto.Hash][]byte{}}
}

// digest returns a digest of the content. For whole it returns all of it, which then has at most
// MaxPureEd25519 bytes.
func (c *content) digest(hash crypto.Hash) (digest []byte, err error) {
	if d, ok := c.digests[hash]; ok {
		return d, nil
	}
	all := io.NewSectionReader(c.at, 0, c.size)
	if hash == whole {
		digest = make([]byte, c.size)
		_, err = io.ReadFull(all, digest)
	} else {
		h := hash.New()
		_, err = io.CopyN(h, all, c.size)
		digest = h.Sum(nil)
	}
	if errors.Is(err, io.EOF) { // a cut-off file must not pass for a shorter one
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	c.digests[hash] = digest
	return digest, nil
}

// isFile refuses the bytes that an envelope's signatures cover: whoever signed those did not call
// them a file, whatever words of others they contain.
func (c *content) isFile() error {
	head := make([]byte, min(c.size, int64(len(envelopeMark))))
	if _, err := c.at.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("the content cannot be read: %w", err)
	}
	if string(head) == envelopeMark {
		return cms.Broken("the content is not a file but a statement taken out of its envelope (it begins with %q)", envelopeMark)
	}
	return nil
}
