package aptfeed

import (
	"compress/gzip"
	"fmt"
	"io"

	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
)

// extensions of package lists: those that are fetched, the smallest first, and those that apt keeps on disk.
var (
	fetchedAs = []string{".xz", ".gz", ""}
	keptAs    = []string{"", ".lz4", ".gz", ".xz"}
)

// decompress unpacks by file extension.
func decompress(in io.Reader, extension string) (io.Reader, error) {
	switch extension {
	case "":
		return in, nil
	case ".xz":
		return xz.NewReader(in)
	case ".gz":
		return gzip.NewReader(in)
	case ".lz4":
		return lz4.NewReader(in), nil
	default:
		return nil, fmt.Errorf("the compression %q is not supported", extension)
	}
}
