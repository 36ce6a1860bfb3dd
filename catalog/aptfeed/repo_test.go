package aptfeed

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/fault"
	"github.com/patchpolicy/patchpolicy/catalog/internal/repository"
)

// today is the tests' present.
var today = time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC)

// newKey makes a signing key created a day before today; a lifetime of zero means for ever.
func newKey(t testing.TB, name string, lifetime time.Duration) *openpgp.Entity {
	t.Helper()
	key, err := openpgp.NewEntity(name, "", name+"@example.com", &packet.Config{
		Algorithm:       packet.PubKeyAlgoEdDSA,
		Time:            func() time.Time { return today.Add(-24 * time.Hour) },
		KeyLifetimeSecs: uint32(lifetime / time.Second),
	})
	require.NoError(t, err)
	return key
}

func armored(t testing.TB, keys ...*openpgp.Entity) string {
	t.Helper()
	var out bytes.Buffer
	w, err := armor.Encode(&out, openpgp.PublicKeyType, nil)
	require.NoError(t, err)
	for _, key := range keys {
		require.NoError(t, key.Serialize(w))
	}
	require.NoError(t, w.Close())
	return out.String() + "\n"
}

// clearsigned signs a text a while before today.
func clearsigned(t testing.TB, text string, keys ...*openpgp.Entity) []byte {
	t.Helper()
	var private []*packet.PrivateKey
	for _, key := range keys {
		private = append(private, key.PrivateKey)
	}
	var out bytes.Buffer
	w, err := clearsign.EncodeMulti(&out, private, &packet.Config{Time: func() time.Time { return today.Add(-time.Hour) }})
	require.NoError(t, err)
	_, err = w.Write([]byte(strings.TrimRight(text, "\n"))) // Close ends the line
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return append(out.Bytes(), '\n')
}

// deb is one paragraph of a package list.
func deb(name, version, arch string, more ...string) string {
	sum := sha256.Sum256([]byte(name + version + arch))
	file, _, _ := strings.Cut(version, ":")
	if _, after, has := strings.Cut(version, ":"); has {
		file = after
	}
	return fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: Somebody <s@example.com>\nFilename: pool/%s_%s_%s.deb\nSize: %d\nSHA256: %x\nDescription: the %s\n%s",
		name, version, arch, name, file, arch, 1000+len(name), sum, name, strings.Join(append(more, ""), "\n"))
}

// repo is a repository of one suite. Its files are made by publish and may be altered afterwards.
type repo struct {
	t      testing.TB
	suite  string
	keys   []*openpgp.Entity
	fields map[string]string   // of Release
	lists  map[string][]string // paragraphs by path below the suite
	forms  []string            // extensions the lists are published with
	uri    string

	mu       sync.Mutex
	files    map[string][]byte // by path below the repository
	requests []string
	answer   func(w http.ResponseWriter, r *http.Request) bool // may answer in place of the repository
}

func newRepo(t testing.TB, suite string, keys ...*openpgp.Entity) *repo {
	return &repo{
		t: t, suite: suite, keys: keys, forms: []string{"", ".xz", ".gz"},
		lists: map[string][]string{},
		fields: map[string]string{
			"Origin": "Debian", "Label": "Debian", "Suite": "stable", "Codename": suite, "Components": "main", "Architectures": "amd64 arm64",
			"Date": today.Add(-time.Hour).Format(time.RFC1123), "Acquire-By-Hash": "yes",
		},
	}
}

// main adds packages to main's list for amd64.
func (r *repo) main(paragraphs ...string) *repo {
	r.lists["main/binary-amd64/Packages"] = append(r.lists["main/binary-amd64/Packages"], paragraphs...)
	return r
}

func (r *repo) below(file string) string {
	if strings.HasSuffix(r.suite, "/") {
		return strings.TrimPrefix(path.Join(r.suite, file), "/")
	}
	return path.Join("dists", r.suite, file)
}

// publish makes the files: the lists in every form, Release and InRelease.
func (r *repo) publish() *repo {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files = map[string][]byte{}
	var sums strings.Builder
	for _, list := range slices.Sorted(maps.Keys(r.lists)) {
		plain := []byte(strings.Join(r.lists[list], "\n"))
		for _, form := range []string{"", ".xz", ".gz"} {
			packed := pack(r.t, plain, form)
			sum := sha256.Sum256(packed)
			if form == "" || slices.Contains(r.forms, form) {
				fmt.Fprintf(&sums, " %x %8d %s\n", sum, len(packed), list+form)
			}
			if slices.Contains(r.forms, form) {
				r.files[r.below(list+form)] = packed
				if r.fields["Acquire-By-Hash"] == "yes" {
					r.files[r.below(path.Join(path.Dir(list), "by-hash/SHA256", hex.EncodeToString(sum[:])))] = packed
				}
			}
		}
	}
	var release strings.Builder
	for _, name := range slices.Sorted(maps.Keys(r.fields)) {
		fmt.Fprintf(&release, "%s: %s\n", name, r.fields[name])
	}
	release.WriteString("SHA256:\n" + sums.String())
	r.files[r.below("InRelease")] = clearsigned(r.t, release.String(), r.keys...)
	return r
}

func pack(t testing.TB, plain []byte, form string) []byte {
	t.Helper()
	var out bytes.Buffer
	switch form {
	case ".xz":
		w, err := xz.WriterConfig{DictCap: 1 << 16}.NewWriter(&out) // the usual 8 MiB take longer than the lists
		require.NoError(t, err)
		_, err = w.Write(plain)
		require.NoError(t, err)
		require.NoError(t, w.Close())
	case ".gz":
		w := gzip.NewWriter(&out)
		_, err := w.Write(plain)
		require.NoError(t, err)
		require.NoError(t, w.Close())
	default:
		return plain
	}
	return out.Bytes()
}

// serve puts the repository on the loopback.
func (r *repo) serve() *repo {
	server := httptest.NewServer(r)
	r.t.Cleanup(server.Close)
	r.uri = server.URL + "/"
	return r
}

func (r *repo) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := strings.TrimPrefix(req.URL.Path, "/")
	r.requests = append(r.requests, name)
	if r.answer != nil && r.answer(w, req) {
		return
	}
	data, has := r.files[name]
	if !has {
		http.NotFound(w, req)
		return
	}
	w.Header().Set("ETag", fmt.Sprintf("%q", repository.Sum(data).Digest.Sum))
	http.ServeContent(w, req, path.Base(name), time.Time{}, bytes.NewReader(data))
}

// asked returns the paths requested since the last call.
func (r *repo) asked() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.requests
	r.requests = nil
	return was
}

// write puts the files into a folder, and makes that the repository's URI.
func (r *repo) write() *repo {
	dir := r.t.TempDir()
	for name, data := range r.files {
		writeFile(r.t, filepath.Join(dir, name), string(data))
	}
	r.uri = "file://" + dir + "/"
	return r
}

func writeFile(t testing.TB, file, content string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(content), 0o644))
}

// root makes a system folder that trusts the repositories' first keys and lists them in this order.
func root(t testing.TB, repos ...*repo) string {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "etc/os-release"), "ID=debian\nVERSION_CODENAME=bookworm\n")
	writeFile(t, filepath.Join(dir, "var/lib/dpkg/status"), "Package: dpkg\nArchitecture: amd64\nVersion: 1.21\n")
	var lines strings.Builder
	for _, r := range repos {
		if len(r.keys) > 0 {
			writeFile(t, filepath.Join(dir, "keys", fmt.Sprintf("%X.asc", r.keys[0].PrimaryKey.Fingerprint)), armored(t, r.keys[0]))
			fmt.Fprintf(&lines, "deb [signed-by=/keys/%X.asc] %s %s", r.keys[0].PrimaryKey.Fingerprint, r.uri, r.suite)
		} else {
			fmt.Fprintf(&lines, "deb %s %s", r.uri, r.suite)
		}
		if !strings.HasSuffix(r.suite, "/") {
			lines.WriteString(" main")
		}
		lines.WriteString("\n")
	}
	writeFile(t, filepath.Join(dir, "etc/apt/sources.list"), lines.String())
	return dir
}

func config(dir string) Config {
	return Config{Root: dir, Now: func() time.Time { return today }}
}

// open makes the feeds of a root.
func open(t testing.TB, c Config) []*Feed {
	t.Helper()
	all, err := FromConfig(c)
	require.NoError(t, err)
	return all
}

func fetched(t testing.TB, f *Feed) catalog.Batch {
	t.Helper()
	b, err := f.Fetch(t.Context())
	require.NoError(t, err)
	return b
}

// failed fetches and wants a failure of this cause.
func failed(t testing.TB, f *Feed, cause fault.Cause) *fault.Error {
	t.Helper()
	b, err := f.Fetch(t.Context())
	var e *fault.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, cause, e.Cause, e.Error())
	require.Empty(t, b.Patches)
	return e
}

func ids(b catalog.Batch) []string {
	var all []string
	for _, p := range b.Patches {
		all = append(all, string(p.ID))
	}
	return all
}
