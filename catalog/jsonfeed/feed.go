package jsonfeed

import (
	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
)

// Options are a feed's settings: the client that fetches the document, with its
// time limit and credentials, and the clock. The zero value is the default.
type Options = fetch.Options

// Feed is a [catalog.Feed] that reads one document. It is safe for concurrent
// use. A batch is Unchanged if the server says so (ETag, Last-Modified) or if
// the bytes are those of the last good fetch. Errors of the file system, the
// network and the context are wrapped.
type Feed = fetch.Feed

var _ catalog.Feed = (*Feed)(nil)

// New returns a feed that reads the document at location: an http, https or
// file URL, or the path of a file.
func New(id catalog.FeedID, location string, o Options) (*Feed, error) {
	return fetch.New(id, location, fetch.Form{Accept: "application/json", Limit: MaxDocument, Parse: Parse}, o)
}
