package rpmfeed

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"

	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
)

// eachRecord decodes the elements named record below the root element. It holds
// one at a time, of at most maxRecord bytes.
func eachRecord[T any](in io.Reader, root, record string, take func(T)) error {
	bounded := &fetch.Budget{From: in, Left: maxRecord}
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
				bounded.Left = maxRecord
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
