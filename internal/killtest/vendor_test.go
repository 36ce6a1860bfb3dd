package killtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/jsonfeed"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/examples/quickstart/folder"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
)

// The versions of every product: what the asset has, and what is ordered.
var older, newer = semver("1.0.0"), semver("2.0.0")

func semver(s string) version.Version {
	v, err := version.Parse(version.Semver, s)
	if err != nil {
		panic(err)
	}
	return v
}

// offer is a patch of a product of its own.
type offer struct {
	product     catalog.ProductID
	job         job.ID
	transaction string
	reboot      bool
	tampered    bool // the served file is not the listed one
	present     bool // the asset has it already
	takes       time.Duration
	slow        bool // its file comes in pieces
}

func (o offer) patch() catalog.PatchID { return catalog.PatchID(o.product + "=2.0.0") }

// The jobs.
const (
	plain  job.ID = "plain"  // a transaction, two patches alone, two actions
	kernel job.ID = "kernel" // reboots
	broken job.ID = "broken" // one file is not what was listed
	absent job.ID = "absent" // none of it applies
	later  job.ID = "later"  // cancelled before its start
	never  job.ID = "never"  // withdrawn before its start
	raced  job.ID = "raced"  // cancelled when it may have started
)

var offers = []offer{
	{product: "icons", job: plain, transaction: "set"},
	{product: "fonts", job: plain, transaction: "set"},
	{product: "editor", job: plain, slow: true},
	{product: "codecs", job: plain},
	{product: "kernel", job: kernel, reboot: true},
	{product: "driver", job: kernel, reboot: true},
	{product: "viewer", job: broken, tampered: true},
	{product: "shell", job: broken},
	{product: "browser", job: absent, present: true},
	{product: "office", job: later},
	{product: "player", job: never},
	{product: "game", job: raced, takes: 10 * time.Millisecond},
}

// vendor serves the files of all offers and counts the requests for each.
type vendor struct {
	server *httptest.Server
	files  map[string][]byte
	mu     sync.Mutex
	asked  map[catalog.ProductID]int
}

// newVendor starts a vendor and writes its feed to a file.
func newVendor(feed string) (*vendor, error) {
	v := &vendor{files: map[string][]byte{}, asked: map[catalog.ProductID]int{}}
	v.server = httptest.NewServer(v)
	var products []catalog.Product
	var patches []catalog.Patch
	for _, o := range offers {
		file, err := folder.Patch{
			Format: folder.Format, Product: o.product, Version: newer, Reboot: o.reboot, Millis: o.takes.Milliseconds(),
		}.File(bytes.Repeat([]byte(o.product+"\n"), 4096))
		if err != nil {
			return nil, err
		}
		listed := sha256.Sum256(file)
		if o.tampered {
			file[len(file)-1] ^= 1
		}
		v.files["/"+string(o.product)] = file
		products = append(products, catalog.Product{ID: o.product, Name: string(o.product), Platform: catalog.Linux, Scheme: version.Semver})
		patches = append(patches, catalog.Patch{
			ID: o.patch(), Product: o.product, Version: newer, Published: time.Now().UTC().Add(-time.Hour).Truncate(time.Second),
			Transaction: o.transaction, Reboot: o.reboot,
			Artifacts: []catalog.Artifact{{
				Name: string(o.product), Availability: catalog.Pinned, URL: v.server.URL + "/" + string(o.product), Size: int64(len(file)),
				Digests: []integrity.Digest{{Algorithm: integrity.SHA256, Sum: hex.EncodeToString(listed[:])}},
			}},
		})
	}
	document, err := jsonfeed.Marshal(catalog.Batch{Products: products, Patches: patches})
	if err != nil {
		return nil, err
	}
	return v, os.WriteFile(feed, document, 0o600)
}

func (v *vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	product := catalog.ProductID(strings.TrimPrefix(r.URL.Path, "/"))
	file, found := v.files[r.URL.Path]
	if !found {
		http.NotFound(w, r)
		return
	}
	v.mu.Lock()
	v.asked[product]++
	v.mu.Unlock()
	w.Header().Set("ETag", strconv.Quote(fmt.Sprintf("%x", sha256.Sum256(file))))
	for _, o := range offers {
		if o.product == product && o.slow {
			w = dripping{w}
		}
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file))
}

// requests returns how often files were requested, over all of them.
func (v *vendor) requests() (n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, times := range v.asked {
		n += times
	}
	return n
}

// dripping sends a body in pieces, a millisecond apart.
type dripping struct{ http.ResponseWriter }

func (d dripping) Write(b []byte) (n int, err error) {
	for len(b) > 0 && err == nil {
		var m int
		m, err = d.ResponseWriter.Write(b[:min(len(b), 4096)])
		n, b = n+m, b[m:]
		if err == nil {
			err = http.NewResponseController(d.ResponseWriter).Flush()
		}
		time.Sleep(time.Millisecond)
	}
	return n, err
}
