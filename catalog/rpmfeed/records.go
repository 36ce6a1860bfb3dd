package rpmfeed

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
)

// eachRecord decodes the elements named record below the root element. It holds
// one at a time, of at most maxRecord bytes.
func eachRecord[T any](in io.Reader, root, record string, take func(T)) error {
	bounded := &budget{in: in, left: maxRecord}
	d := xml.NewDecoder(bounded)
	depth := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && depth == 0 && d.InputOffset() > 0 {
			return nil
		}
		if err != nil {
			return err
		}
		switch e := token.(type) {
		case xml.StartElement:
			switch {
			case depth == 0 && e.Name.Local != root:
				return fmt.Errorf("it begins with <%.40s>, not <%s>", e.Name.Local, root)
			case depth == 1 && e.Name.Local == record:
				bounded.left = maxRecord
				var r T
				if err := d.DecodeElement(&r, &e); err != nil {
					return err
				}
				take(r)
			case depth == 0:
				depth++
			default:
				if err := d.Skip(); err != nil {
					return err
				}
			}
		case xml.EndElement:
			depth--
		}
	}
}

// budget reads until left bytes are used up.
type budget struct {
	in   io.Reader
	left int
}

func (b *budget) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("one record has more than %d bytes", maxRecord)
	}
	n, err := b.in.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
