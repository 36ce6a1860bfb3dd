// Package vendor is a software vendor in one process. Over HTTP on the loopback
// it serves patch files, their detached signatures, and its list of products
// and patches in the format of catalog/jsonfeed.
package vendor

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
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
	Version    string        // semver, MAJOR.MINOR.PATCH
	EOL        time.Time     // end of life of its version line MAJOR.MINOR; zero: none announced
	Signed     bool          // it has a detached signature, and the list says so
	LatestOnly bool          // one URL serves every version
	Reboot     bool          // it needs a reboot
	Takes      time.Duration // the duration of its installation
}

// ID returns the id of the release's patch.
func (r Release) ID() catalog.PatchID { return catalog.PatchID(string(r.Product) + "-" + r.Version) }

func (r Release) path() string {
	if r.LatestOnly {
		return "/latest/" + string(r.Product) + ".patch"
	}
	return "/" + string(r.ID()) + ".patch"
}

const feedPath = "/feed.json"

// Vendor serves its releases until Close. Its methods are called one at a time.
type Vendor struct {
	name   string
	key    ed25519.PrivateKey
	dir    string // the files it serves
	server *http.Server
	base   string
	list   catalog.Batch
}

// Start makes a vendor with a new key, and serves the files of a new folder on
// a free port of the loopback.
func Start(name, dir string) (*Vendor, error) {
	_, key, err := ed25519.GenerateKey(nil)
	if err == nil {
		err = os.MkdirAll(filepath.Join(dir, "latest"), 0o700)
	}
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	v := &Vendor{name: name, key: key, dir: dir, base: "http://" + listener.Addr().String()}
	v.server = &http.Server{Handler: http.FileServer(http.Dir(dir)), ReadHeaderTimeout: 10 * time.Second}
	go v.server.Serve(listener) //nolint:errcheck // ends with ErrServerClosed at Close
	return v, nil
}

// Close stops serving.
func (v *Vendor) Close() error { return v.server.Close() }

// Verifier returns a verifier that trusts the vendor alone.
func (v *Vendor) Verifier() (integrity.SignatureVerifier, error) {
	der, err := x509.MarshalPKIXPublicKey(v.key.Public())
	if err != nil {
		return nil, err
	}
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	return sigstoreverify.New(integrity.Signer{Name: v.name, Sigstore: []integrity.SigstoreTrust{{Keys: []string{key}}}})
}

// Feed returns a feed that reads the vendor's list over HTTP.
func (v *Vendor) Feed() (catalog.Feed, error) {
	return jsonfeed.New(catalog.FeedID(v.name), v.base+feedPath, jsonfeed.Options{})
}

// Publish lists the only release of a product and serves its file.
func (v *Vendor) Publish(r Release) error {
	number, file, err := v.put(r)
	if err != nil {
		return err
	}
	product := catalog.Product{ID: r.Product, Name: string(r.Product), Vendor: v.name, Platform: catalog.Linux, Scheme: version.Semver}
	if !r.EOL.IsZero() {
		product.Lines = []catalog.Line{{Prefix: r.Version[:strings.LastIndex(r.Version, ".")], EOL: r.EOL}}
	}
	d := integrity.NewDigester(integrity.SHA256)
	_, _ = d.Write(file) // it never fails
	artifact := catalog.Artifact{
		Name: string(r.ID()) + ".patch", Availability: catalog.Pinned, URL: v.base + r.path(), Size: int64(len(file)), Digests: d.Sums(),
	}
	if r.LatestOnly {
		artifact.Availability = catalog.LatestOnly
	}
	if r.Signed {
		artifact.Signer, artifact.SignatureURL = v.name, artifact.URL+".sig"
	}
	v.list.Products = append(v.list.Products, product)
	v.list.Patches = append(v.list.Patches, catalog.Patch{
		ID: r.ID(), Product: r.Product, Version: number, Title: string(r.Product) + " " + r.Version,
		Published: time.Now().UTC().Add(-time.Hour).Truncate(time.Second), Artifacts: []catalog.Artifact{artifact}, Reboot: r.Reboot,
	})
	document, err := jsonfeed.Marshal(v.list)
	return errors.Join(err, v.write(feedPath, document))
}

// MoveOn serves a newer version at the address of a LatestOnly product, before
// any feed lists it.
func (v *Vendor) MoveOn(r Release) error {
	_, _, err := v.put(r)
	return err
}

// Tamper changes one byte of a release's file, as an attacker does, and neither
// its signature nor its listed digest.
func (v *Vendor) Tamper(r Release) error {
	file, err := os.ReadFile(filepath.Join(v.dir, r.path()))
	if err != nil {
		return err
	}
	file[len(file)-1] ^= 1
	return v.write(r.path(), file)
}

// put makes a release's file, and its signature if it has one, and serves them.
func (v *Vendor) put(r Release) (version.Version, []byte, error) {
	number, err := version.Parse(version.Semver, r.Version)
	if err != nil {
		return number, nil, err
	}
	file, err := folder.Patch{
		Format: folder.Format, Product: r.Product, Version: number, Millis: r.Takes.Milliseconds(), Reboot: r.Reboot,
	}.File(bytes.Repeat([]byte(string(r.Product)+" "+r.Version+"\n"), 4096))
	if err != nil {
		return number, nil, err
	}
	if r.Signed {
		signature, err := sigstoreverify.Sign(v.key, bytes.NewReader(file))
		if err = errors.Join(err, v.write(r.path()+".sig", signature)); err != nil {
			return number, nil, err
		}
	}
	return number, file, v.write(r.path(), file)
}

func (v *Vendor) write(path string, data []byte) error {
	return os.WriteFile(filepath.Join(v.dir, path), data, 0o600)
}
