package osvfeed

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// Options are a feed's settings: the client that fetches the document, with its
// time limit and credentials, and the clock. The zero value is the default.
type Options = fetch.Options

// Feed is a [catalog.Feed] of advisories. It is safe for concurrent use. A
// batch is Unchanged if the server says so (ETag, Last-Modified), if the bytes
// are those of the last good fetch, or if no file of a folder has another name,
// size or time. Errors wrap a *fault.Error, and that of the context if it ended.
type Feed = fetch.Feed

var _ catalog.Feed = (*Feed)(nil)

// schemes are the version schemes of ecosystems, by the name before the first
// colon.
var schemes = map[string]version.Scheme{
	"Debian": version.Debian, "Ubuntu": version.Debian,
	"Alpine": version.Apk, "Alpaquita": version.Apk, "Chainguard": version.Apk, "Wolfi": version.Apk,
	"AlmaLinux": version.Rpm, "Azure Linux": version.Rpm, "Mageia": version.Rpm, "openEuler": version.Rpm, "openSUSE": version.Rpm,
	"Photon OS": version.Rpm, "Red Hat": version.Rpm, "Rocky Linux": version.Rpm, "SUSE": version.Rpm,
	"crates.io": version.Semver, "Go": version.Semver, "Hex": version.Semver, "npm": version.Semver, "Pub": version.Semver,
}

func schemeOf(ecosystem string) version.Scheme {
	name, _, _ := strings.Cut(ecosystem, ":")
	return schemes[name]
}

// New returns a feed of the advisories at location for these ecosystems, at
// least one, as OSV writes them.
func New(id catalog.FeedID, location string, ecosystems []string, o Options) (*Feed, error) {
	var p parser
	for _, e := range ecosystems {
		if schemeOf(e) == "" {
			return nil, fmt.Errorf("feed %s: how versions of the ecosystem %.80q are ordered is not known; want one like \"Debian:12\"", id, e)
		}
		quoted, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("feed %s: the ecosystem %.80q: %w", id, e, err)
		}
		p.wanted = append(p.wanted, wanted{e, quoted})
	}
	if p.wanted == nil {
		return nil, fmt.Errorf("feed %s: no ecosystem; want at least one, like \"Debian:12\"", id)
	}
	return fetch.New(id, location, fetch.Form{Name: "document of advisories", Accept: "application/zip, application/json", Limit: fetch.MaxArchive, Each: p.read, Match: "*.json"}, o)
}

type parser struct {
	wanted []wanted
}

type wanted struct {
	ecosystem string
	quoted    []byte // as JSON has it
}

// mayName reports whether a record may name a wanted ecosystem. It is cheap, so
// that records of other releases cost little. An escape may hide a name.
func (p parser) mayName(data []byte) bool {
	for _, w := range p.wanted {
		if bytes.Contains(data, w.quoted) {
			return true
		}
	}
	return bytes.Contains(data, []byte(`\u`))
}

func (p parser) read(record []byte) fetch.Found {
	if !p.mayName(record) {
		return fetch.Found{}
	}
	a, problems := p.advisory(record)
	found := fetch.Found{ID: a.ID, Dated: a.Modified, Problems: problems}
	if len(a.Fixes) > 0 {
		found.Add = func(b *catalog.Batch) { b.Advisories = append(b.Advisories, a) }
	}
	return found
}
