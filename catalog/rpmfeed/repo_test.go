package rpmfeed

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
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/internal/repository"
)

// today is the tests' present.
var today = time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC)

func newKey(t testing.TB) *openpgp.Entity {
	t.Helper()
	key, err := openpgp.NewEntity("archive", "", "archive@acme.example", &packet.Config{
		Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return today.Add(-24 * time.Hour) },
	})
	require.NoError(t, err)
	return key
}

func public(t testing.TB, key *openpgp.Entity) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, key.Serialize(&out))
	return out.Bytes()
}

// pkg is a package of a primary list. More is put into the element.
func pkg(name, epoch, ver, rel, arch string, more ...string) string {
	file := fmt.Sprintf("Packages/%s-%s-%s.%s.rpm", name, ver, rel, arch)
	return fmt.Sprintf(`<package type="rpm"><name>%s</name><arch>%s</arch><version epoch="%s" ver="%s" rel="%s"/>
<checksum type="sha256" pkgid="YES">%x</checksum><summary>the %s</summary><description>d</description><time file="1" build="1"/>
<size package="%d" installed="1" archive="1"/><location href="%s"/>
<format><rpm:license>MIT</rpm:license><rpm:provides><rpm:entry name="%s"/></rpm:provides><file>/usr/bin/%s</file></format>%s</package>
`, name, arch, epoch, ver, rel, sha256.Sum256([]byte(file+epoch)), name, 1000+len(name), file, name, name, strings.Join(more, ""))
}

// update is an advisory of one collection.
func update(id, kind, severity string, cves []string, packages ...string) string {
	var refs strings.Builder
	for _, cve := range cves {
		fmt.Fprintf(&refs, `<reference href="https://acme.example/%s" id="%s" type="cve" title="%s"/>`, cve, cve, cve)
	}
	return fmt.Sprintf(`<update from="a@acme.example" status="final" type="%s" version="1"><id>%s</id><title>t</title><severity>%s</severity>
<issued date="2026-05-01 10:00:00"/><updated date="2026-05-02 10:00:00"/><references>%s<reference id="1" type="bugzilla"/></references>
<pkglist><collection short="c"><name>c</name>%s</collection></pkglist></update>
`, kind, id, severity, refs.String(), strings.Join(packages, ""))
}

func fixed(name, epoch, ver, rel, arch, more string) string {
	return fmt.Sprintf(`<package name="%s" version="%s" release="%s" epoch="%s" arch="%s" src="x.src.rpm"><filename>x.rpm</filename>%s</package>`, name, ver, rel, epoch, arch, more)
}

// repo is a repository. publish makes its files, which may be altered afterwards.
type repo struct {
	t                              testing.TB
	key                            *openpgp.Entity // nil: not signed
	form                           string          // extension of the files
	primary, updateinfo, modulesMD string
	dated                          time.Time
	url                            string

	mu       sync.Mutex
	files    map[string][]byte
	requests []string
	answer   func(w http.ResponseWriter, r *http.Request) bool
}

func newRepo(t testing.TB, packages ...string) *repo {
	r := &repo{t: t, key: newKey(t), form: ".gz", primary: strings.Join(packages, ""), dated: today.Add(-time.Hour)}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL + "/os"
	return r
}

func (r *repo) publish() *repo {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files = map[string][]byte{}
	var data strings.Builder
	add := func(kind, name, text string) {
		packed := pack(r.t, []byte(text), r.form)
		sum := sha256.Sum256(packed)
		href := fmt.Sprintf("repodata/%x-%s%s", sum, name, r.form)
		r.files[href] = packed
		fmt.Fprintf(&data, `<data type="%s"><checksum type="sha256">%x</checksum><open-checksum type="sha256">%x</open-checksum><location href="%s"/><timestamp>%d</timestamp><size>%d</size><open-size>%d</open-size></data>`,
			kind, sum, sha256.Sum256([]byte(text)), href, r.dated.Unix()-5, len(packed), len(text))
	}
	add("primary", "primary.xml", `<?xml version="1.0" encoding="UTF-8"?><metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="1">`+r.primary+"</metadata>")
	if r.updateinfo != "" {
		add("updateinfo", "updateinfo.xml", `<?xml version="1.0" encoding="UTF-8"?><updates>`+r.updateinfo+"</updates>")
	}
	if r.modulesMD != "" {
		add("modules", "modules.yaml", r.modulesMD)
	}
	r.sign(fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?><repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>%d</revision>%s</repomd>`, r.dated.Unix(), data.String()))
	return r
}

// sign sets repomd.xml.
func (r *repo) sign(text string) {
	r.files["repodata/repomd.xml"] = []byte(text)
	if r.key != nil {
		var signature bytes.Buffer
		require.NoError(r.t, openpgp.ArmoredDetachSign(&signature, r.key, strings.NewReader(text), &packet.Config{Time: func() time.Time { return today.Add(-time.Hour) }}))
		r.files["repodata/repomd.xml.asc"] = signature.Bytes()
	}
}

func pack(t testing.TB, plain []byte, form string) []byte {
	t.Helper()
	var out bytes.Buffer
	var err error
	switch form {
	case "":
		return plain
	case ".gz":
		w := gzip.NewWriter(&out)
		_, err = w.Write(plain)
		require.NoError(t, w.Close())
	case ".xz":
		w, e := xz.NewWriter(&out)
		require.NoError(t, e)
		_, err = w.Write(plain)
		require.NoError(t, w.Close())
	case ".zst":
		w, e := zstd.NewWriter(&out)
		require.NoError(t, e)
		_, err = w.Write(plain)
		require.NoError(t, w.Close())
	}
	require.NoError(t, err)
	return out.Bytes()
}

func (r *repo) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := strings.TrimPrefix(req.URL.Path, "/os/")
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

// feed returns a new feed of the repository.
func (r *repo) feed(change ...func(*Config)) *Feed {
	r.t.Helper()
	c := Config{Channel: "baseos", URL: r.url, Architectures: []string{"x86_64", "i686"}, Vendor: "Acme", Now: func() time.Time { return today }, Unsigned: r.key == nil}
	if r.key != nil {
		c.Keyring = public(r.t, r.key)
	}
	for _, f := range change {
		f(&c)
	}
	f, err := New(c)
	require.NoError(r.t, err)
	return f
}

func fetched(t testing.TB, f *Feed) catalog.Batch {
	t.Helper()
	b, err := f.Fetch(t.Context())
	require.NoError(t, err)
	return b
}

func writeFile(t testing.TB, dir, name string, data []byte) {
	t.Helper()
	name = filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
	require.NoError(t, os.WriteFile(name, data, 0o644))
}
