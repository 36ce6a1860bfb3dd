package deb822_test

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog/aptfeed/deb822"
)

func Example() {
	r := deb822.NewReader(strings.NewReader("Package: hare\nVersion: 1.0-1\n\nthis is no field\n\nPackage: tortoise\nVersion: 2.0-1\n"))
	for {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil { // an *Error about one bad record: the next call continues after it
			fmt.Println(err)
			continue
		}
		fmt.Println(p.Get("Package"), p.Get("Version"))
	}
	// Output:
	// hare 1.0-1
	// line 4: want "Name: value", not "this is no field"
	// tortoise 2.0-1
}
