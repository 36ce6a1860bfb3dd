package kevfeed

import (
	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
)

// Bounds on documents that are read as a whole.
const (
	MaxKEV      = 32 << 20 // bytes: 1,400 entries have 1.3 MB
	MaxEPSS     = 64 << 20 // bytes, as fetched: 300,000 rows have 2 MB packed and 10 MB unpacked
	maxUnpacked = 64 << 20 // bytes of an EPSS document
	maxRows     = 1 << 21  // rows of an EPSS document
)

// Options are a feed's settings: the client that fetches the document, with its
// time limit and credentials, and the clock. The zero value is the default.
type Options = fetch.Options

// Feed is a [catalog.Feed] of facts. It is safe for concurrent use. A batch is
// Unchanged if the server says so (ETag, Last-Modified), if the bytes are those
// of the last good fetch, or if no file of a folder has another name, size or
// time. Errors wrap a *fault.Error, and that of the context if it ended.
type Feed = fetch.Feed

var _ catalog.Feed = (*Feed)(nil)

// New returns a feed of the KEV catalog at location: an http, https or file
// URL, or the path of a file.
func New(id catalog.FeedID, location string, o Options) (*Feed, error) {
	return fetch.New(id, location, fetch.Form{Name: "catalog of known exploited vulnerabilities", Accept: "application/json", Limit: MaxKEV, Parse: parseKEV}, o)
}

// NewSSVC returns a feed of the SSVC decisions in the CVE records at location:
// an http, https or file URL, or the path of a file or folder.
func NewSSVC(id catalog.FeedID, location string, o Options) (*Feed, error) {
	return fetch.New(id, location, fetch.Form{Name: "document of CVE records", Accept: "application/zip, application/json", Limit: fetch.MaxArchive, Each: readSSVC, Match: "CVE-*.json"}, o)
}

// NewEPSS returns a feed of the EPSS scores at location: an http, https or file
// URL, or the path of a file.
func NewEPSS(id catalog.FeedID, location string, o Options) (*Feed, error) {
	return fetch.New(id, location, fetch.Form{Name: "document of EPSS scores", Accept: "application/gzip, text/csv", Limit: MaxEPSS, Parse: parseEPSS}, o)
}
