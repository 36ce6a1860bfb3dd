package vendor

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/jsonfeed"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/examples/quickstart/folder"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/sigstoreverify"
)

// Release is one version of a product as the vendor publishes it.
type Release struct {
	Product    catalog.ProductID
	Version    string        // semver
	EOL        time.Time     // end of life of its version line MAJOR.MINOR; zero: none announced
	Signed     bool          // it has a detached signature, and the list says so
	LatestOnly bool          // one URL serves every version
	Reboot     bool          // it needs a reboot
	Takes      time.Duration // the duration of its installation
}

// ID returns the id of the release's patch.
func (r Release) ID() catalog.PatchID { return catalog.PatchID(string(r.Product) + "-" + r.Version) }

// feedPath is where the list is served.
const feedPath = "/feed.json"

// Vendor serves its releases until Close.
type Vendor struct {
	name   string
	key    ed25519.PrivateKey
	server *http.Server
	base   string

	lock     sync.Mutex
	files    map[string][]byte // by path
	products []catalog.Product
	patches  []catalog.Patch
}

// Start makes a vendor with a new key and serves it on a free port of the
// loopback.
func Start(name string) (*Vendor, error) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("vendor: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("vendor: %w", err)
	}
	v := &Vendor{name: name, key: key, base: "http://" + listener.Addr().String(), files: map[string][]byte{}}
	v.server = &http.Server{Handler: http.HandlerFunc(v.serve), ReadHeaderTimeout: 10 * time.Second}
	go v.server.Serve(listener) //nolint:errcheck // ends with ErrServerClosed at Close
	return v, nil
}

// Close stops serving.
func (v *Vendor) Close() error { return v.server.Close() }

// Signer returns what assets need to verify the vendor's signatures.
func (v *Vendor) Signer() (integrity.Signer, error) {
	der, err := x509.MarshalPKIXPublicKey(v.key.Public())
	if err != nil {
		return integrity.Signer{}, fmt.Errorf("vendor: %w", err)
	}
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	return integrity.Signer{Name: v.name, Sigstore: []integrity.SigstoreTrust{{Keys: []string{key}}}}, nil
}

// Feed returns a feed that reads the vendor's list over HTTP.
func (v *Vendor) Feed() (catalog.Feed, error) {
	return jsonfeed.New(catalog.FeedID(v.name), v.base+feedPath, jsonfeed.Options{})
}

// Publish lists a release and serves its file.
func (v *Vendor) Publish(r Release) error {
	number, err := version.Parse(version.Semver, r.Version)
	if err != nil {
		return fmt.Errorf("vendor: %w", err)
	}
	name := fmt.Sprintf("%s-%s.patch", r.Product, r.Version)
	path, availability := "/"+name, catalog.Pinned
	if r.LatestOnly {
		path, availability = "/latest/"+string(r.Product)+".patch", catalog.LatestOnly
	}
	v.lock.Lock()
	defer v.lock.Unlock()
	file, err := v.put(path, r, number)
	if err != nil {
		return err
	}
	artifact := catalog.Artifact{
		Name: name, Availability: availability, URL: v.base + path, Size: int64(len(file)),
		Digests: []integrity.Digest{{Algorithm: integrity.SHA256, Sum: sum(file)}},
	}
	if r.Signed {
		artifact.Signer, artifact.SignatureURL = v.name, artifact.URL+".sig"
	}
	if !slices.ContainsFunc(v.products, func(p catalog.Product) bool { return p.ID == r.Product }) {
		v.products = append(v.products, v.product(r, number))
	}
	v.patches = append(v.patches, catalog.Patch{
		ID: r.ID(), Product: r.Product, Version: number, Title: fmt.Sprintf("%s %s", r.Product, r.Version),
		Published: time.Now().UTC().Add(-time.Hour).Truncate(time.Second), Artifacts: []catalog.Artifact{artifact}, Reboot: r.Reboot,
	})
	document, err := jsonfeed.Marshal(catalog.Batch{Products: v.products, Patches: v.patches})
	if err != nil {
		return fmt.Errorf("vendor: %w", err)
	}
	v.files[feedPath] = document
	return nil
}

func (v *Vendor) product(r Release, number version.Version) catalog.Product {
	p := catalog.Product{
		ID: r.Product, Name: string(r.Product), Vendor: v.name, Platform: catalog.Linux, Scheme: version.Semver,
	}
	if !r.EOL.IsZero() {
		parts := bytes.SplitN([]byte(number.Upstream()), []byte("."), 3)
		p.Lines = []catalog.Line{{Prefix: string(bytes.Join(parts[:2], []byte("."))), EOL: r.EOL}}
	}
	return p
}

// MoveOn serves a newer version at the address of a LatestOnly product, before
// any feed lists it.
func (v *Vendor) MoveOn(r Release) error {
	number, err := version.Parse(version.Semver, r.Version)
	if err != nil {
		return fmt.Errorf("vendor: %w", err)
	}
	v.lock.Lock()
	defer v.lock.Unlock()
	_, err = v.put("/latest/"+string(r.Product)+".patch", r, number)
	return err
}

// Tamper changes one byte of a release's file, and neither its signature nor
// its listed digest.
func (v *Vendor) Tamper(r Release) error {
	path := fmt.Sprintf("/%s-%s.patch", r.Product, r.Version)
	v.lock.Lock()
	defer v.lock.Unlock()
	file := bytes.Clone(v.files[path])
	if len(file) == 0 {
		return errors.New("vendor: nothing is served at " + path)
	}
	file[len(file)-1] ^= 1
	v.files[path] = file
	return nil
}

// put makes a release's file, and its signature if it has one, and serves them
// at path.
func (v *Vendor) put(path string, r Release, number version.Version) ([]byte, error) {
	file, err := folder.Patch{
		Format: folder.Format, Product: r.Product, Version: number, Millis: r.Takes.Milliseconds(), Reboot: r.Reboot,
	}.File(bytes.Repeat([]byte(string(r.Product)+" "+r.Version+"\n"), 4096))
	if err != nil {
		return nil, err
	}
	v.files[path] = file
	if r.Signed {
		signature, err := sigstoreverify.Sign(v.key, bytes.NewReader(file))
		if err != nil {
			return nil, fmt.Errorf("vendor: %w", err)
		}
		v.files[path+".sig"] = signature
	}
	return file, nil
}

func sum(file []byte) string {
	digest := sha256.Sum256(file)
	return hex.EncodeToString(digest[:])
}

func (v *Vendor) serve(w http.ResponseWriter, r *http.Request) {
	v.lock.Lock()
	file, found := v.files[r.URL.Path]
	v.lock.Unlock()
	if !found {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("ETag", strconv.Quote(sum(file))) // so that an interrupted download resumes the same file
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file))
}
