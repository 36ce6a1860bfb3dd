package e2e

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/internal/debroot"
)

// suite is the suite of the test repositories, and the release of the test
// systems.
const suite = "tiny"

// repository is a signed Debian repository on the loopback.
type repository struct {
	t    *testing.T
	url  string
	arch string
	key  *openpgp.Entity // the signing key, which assets trust at first

	mu      sync.Mutex
	edition int               // number of publications: each has a later date than the one before
	files   map[string][]byte // by path
	seen    []request
	answer  func(w http.ResponseWriter, r *http.Request, content []byte) bool // may answer instead
}

// request is a received request and its Range header.
type request struct{ path, span string }

func newRepository(t *testing.T) *repository {
	t.Helper()
	arch, err := debroot.Architecture(t.Context())
	require.NoError(t, err)
	r := &repository{t: t, arch: arch, key: newKey(t), files: map[string][]byte{}}
	listener := httptest.NewServer(r)
	t.Cleanup(listener.Close)
	r.url = listener.URL + "/"
	return r
}

func newKey(t *testing.T) *openpgp.Entity {
	t.Helper()
	key, err := openpgp.NewEntity("tests", "", "tests@example.org", &packet.Config{
		Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return time.Now().Add(-24 * time.Hour) },
	})
	require.NoError(t, err)
	return key
}

// configure makes an apt configuration that trusts the repository's current
// key.
func (r *repository) configure() (dir string) {
	r.t.Helper()
	dir = filepath.Join(r.t.TempDir(), "apt")
	require.NoError(r.t, os.MkdirAll(dir, 0o700))
	var key bytes.Buffer
	w, err := armor.Encode(&key, openpgp.PublicKeyType, nil)
	require.NoError(r.t, err)
	require.NoError(r.t, r.key.Serialize(w))
	require.NoError(r.t, w.Close())
	ring := filepath.Join(dir, "key.asc")
	require.NoError(r.t, os.WriteFile(ring, append(key.Bytes(), '\n'), 0o600))
	line := fmt.Sprintf("deb [arch=%s signed-by=%s] %s %s main\n", r.arch, ring, r.url, suite)
	require.NoError(r.t, os.WriteFile(filepath.Join(dir, "sources.list"), []byte(line), 0o600))
	return dir
}

// edition is what one publication has besides its packages.
type edition struct {
	validUntil time.Time       // zero: no limit
	key        *openpgp.Entity // nil: the repository's
	tamper     bool            // the list is changed after it was signed
}

// publish replaces the lists by ones of these packages. The files of earlier
// packages stay.
func (r *repository) publish(debs ...debroot.Deb) {
	r.t.Helper()
	r.release(edition{}, debs...)
}

func (r *repository) release(e edition, debs ...debroot.Deb) {
	r.t.Helper()
	var list strings.Builder
	pool := map[string][]byte{}
	dir := r.t.TempDir()
	for _, d := range debs {
		file, err := d.Build(r.t.Context(), dir)
		require.NoError(r.t, err)
		content, err := os.ReadFile(file)
		require.NoError(r.t, err)
		name := pooled(d)
		pool[name] = content
		control := output(r.t, "dpkg-deb", "--field", file)
		fmt.Fprintf(&list, "%s\nFilename: %s\nSize: %d\nSHA256: %x\n\n", strings.TrimSpace(string(control)), name, len(content), sha256.Sum256(content))
	}
	plain := []byte(list.String())
	packed := zip(r.t, plain)

	r.mu.Lock()
	defer r.mu.Unlock()
	r.edition++
	date := time.Now().Add(time.Duration(r.edition)*time.Minute - time.Hour).UTC()
	text := fmt.Sprintf("Origin: Debian\nLabel: Patchpolicy tests\nSuite: %s\nCodename: %s\nComponents: main\nArchitectures: %s\nDate: %s\n", suite, suite, r.arch, date.Format(time.RFC1123))
	if !e.validUntil.IsZero() {
		text += "Valid-Until: " + e.validUntil.UTC().Format(time.RFC1123) + "\n"
	}
	index := "main/binary-" + r.arch + "/Packages"
	text += fmt.Sprintf("SHA256:\n %x %d %s\n %x %d %s.gz\n", sha256.Sum256(plain), len(plain), index, sha256.Sum256(packed), len(packed), index)
	if e.tamper {
		plain = bytes.Replace(plain, []byte("\nSize: "), []byte("\nsize: "), 1)
		packed = zip(r.t, plain)
	}
	key := e.key
	if key == nil {
		key = r.key
	}
	r.files["dists/"+suite+"/"+index] = plain
	r.files["dists/"+suite+"/"+index+".gz"] = packed
	r.files["dists/"+suite+"/InRelease"] = signed(r.t, text, key)
	for name, content := range pool {
		r.files[name] = content
	}
}

// pooled returns the path of a package's file.
func pooled(d debroot.Deb) string {
	return "pool/" + d.Name + "_" + strings.ReplaceAll(d.Version, ":", "%3a") + ".deb"
}

func zip(t *testing.T, plain []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := z.Write(plain)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return out.Bytes()
}

func signed(t *testing.T, text string, key *openpgp.Entity) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := clearsign.Encode(&out, key.PrivateKey, nil)
	require.NoError(t, err)
	_, err = w.Write([]byte(strings.TrimRight(text, "\n")))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return append(out.Bytes(), '\n')
}

// tamper changes one byte of a package's file, and nothing in the lists.
func (r *repository) tamper(d debroot.Deb) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	content := bytes.Clone(r.files[pooled(d)])
	require.NotEmpty(r.t, content)
	content[len(content)/2] ^= 1
	r.files[pooled(d)] = content
}

// answering sets a function that answers instead of the repository; nil: none.
func (r *repository) answering(f func(w http.ResponseWriter, req *http.Request, content []byte) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = f
}

// half answers the first request for a package with the first half of its file
// and closes the connection. Served counts the requests.
func half(d debroot.Deb, served *atomic.Int32) func(http.ResponseWriter, *http.Request, []byte) bool {
	return func(w http.ResponseWriter, r *http.Request, content []byte) bool {
		if !strings.HasSuffix(r.URL.Path, pooled(d)) || served.Add(1) > 1 {
			return false
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		_, _ = w.Write(content[:len(content)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// hold answers the first request for a package with the first half of its file
// and leaves the connection open. Held is closed once the half is sent.
func hold(d debroot.Deb) (answer func(http.ResponseWriter, *http.Request, []byte) bool, held <-chan struct{}) {
	sent := make(chan struct{})
	var served atomic.Int32
	return func(w http.ResponseWriter, r *http.Request, content []byte) bool {
		if !strings.HasSuffix(r.URL.Path, pooled(d)) || served.Add(1) > 1 {
			return false
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		_, _ = w.Write(content[:len(content)/2])
		_ = http.NewResponseController(w).Flush()
		close(sent)
		<-r.Context().Done()
		return true
	}, sent
}

// requests returns the requests for one file so far.
func (r *repository) requests(d debroot.Deb) (all []request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, q := range r.seen {
		if q.path == pooled(d) {
			all = append(all, q)
		}
	}
	return all
}

func (r *repository) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	name := strings.TrimPrefix(req.URL.Path, "/")
	r.mu.Lock()
	content, has := r.files[name]
	answer := r.answer
	r.seen = append(r.seen, request{name, req.Header.Get("Range")})
	r.mu.Unlock()
	if !has {
		http.NotFound(w, req)
		return
	}
	w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(content)))
	if answer != nil && answer(w, req, content) {
		return
	}
	http.ServeContent(w, req, path.Base(name), time.Time{}, bytes.NewReader(content))
}
