package jsonfeed

import (
	"net/http"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
)

// Options are a feed's settings. The zero value is the default.
type Options struct {
	// Client fetches the document and its signature. Default: a client that gives
	// up after 10 minutes. Credentials are those of its transport or of the
	// location. It does not follow a redirect from https to http, or with
	// credentials to another host.
	Client *http.Client
	Now    func() time.Time // the clock; default time.Now
	Signed Signed           // who must have signed the document; zero: nobody
}

// Feed is a [catalog.Feed] that reads one document. It is safe for concurrent
// use. A batch is Unchanged if the server says so (ETag, Last-Modified) or if
// the bytes are those of the last good fetch. Errors wrap a *fault.Error, and
// that of the context if it ended.
type Feed = fetch.Feed

var _ catalog.Feed = (*Feed)(nil)

// New returns a feed that reads the document at location: an http, https or
// file URL, or the path of a file.
func New(id catalog.FeedID, location string, o Options) (*Feed, error) {
	how := fetch.Options{Client: o.Client, Now: o.Now}
	verify, err := o.Signed.verify(id, location, how)
	if err != nil {
		return nil, err
	}
	return fetch.New(id, location, fetch.Form{Name: "patch document", Accept: "application/json", Limit: MaxDocument, Verify: verify, Parse: read}, how)
}
