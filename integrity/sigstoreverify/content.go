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
	if _, err := io.Copy(h, c.reader()); err != nil {
		return nil, err
	}
	c.digests[hash] = h.Sum(nil)
	return c.digests[hash], nil
}

func (c *content) reader() *exactReader {
	return &exactReader{r: io.NewSectionReader(c.at, 0, c.size), left: c.size}
}

// exactReader fails if its source ends early, where a section reader would let a cut-off file pass for a shorter one,
// and remembers its error, because a signature library returns only its own.
type exactReader struct {
	r    io.Reader
	left int64
	err  error
}

func (e *exactReader) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	e.left -= int64(n)
	if errors.Is(err, io.EOF) && e.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && !errors.Is(err, io.EOF) {
		e.err = err
	}
	return n, err
}
