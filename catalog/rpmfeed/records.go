package rpmfeed

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
)

// eachRecord decodes the elements named record below the root element. It holds
// one at a time, of at most maxRecord bytes.
func eachRecord[T any](in io.Reader, root, record string, take func(T)) error {
	bounded := &fetch.Budget{From: in, Left: maxRecord}
	d := xml.NewDecoder(bounded)
	depth, n, began := 0, 0, false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && began && depth == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		switch e := token.(type) {
		case xml.StartElement:
			switch {
			case depth == 0 && began:
				return errors.New("something follows after its end")
			case depth == 0 && e.Name.Local != root:
				return fmt.Errorf("it begins with <%.40s>, not <%s>", e.Name.Local, root)
			case depth == 1 && e.Name.Local == record:
				bounded.Left = maxRecord
				if n++; n > catalog.MaxPatches {
					return fmt.Errorf("it has more than %d records", catalog.MaxPatches)
				}
				var r T
				if err := d.DecodeElement(&r, &e); err != nil {
					return err
				}
				take(r)
			case depth == 0:
				depth++
				began = true
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
