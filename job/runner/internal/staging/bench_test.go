package staging_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/runner/internal/staging"
	"github.com/stretchr/testify/require"
)

// seen is a verifier that says what it was given.
type seen struct{}

func (seen) Verify(content io.ReaderAt, size int64, detached []byte) integrity.Signature {
	b, err := io.ReadAll(io.NewSectionReader(content, 0, size))
	if err != nil {
		return integrity.Signature{Status: integrity.Unsupported, Detail: err.Error()}
	}
	if detached == nil {
		return integrity.Signature{Status: integrity.Absent}
	}
	return integrity.Signature{Status: integrity.Valid, Signer: string(detached) + " of " + strconv.Itoa(len(b))}
}

var key = staging.Key{Order: "job@1/asset", Index: 0}

// bench is a store and a vendor.
type bench struct {
	*testing.T
	dir   string
	store *staging.Store
	url   string

	mu       sync.Mutex
	requests []string // "path range"
}

func newBench(t *testing.T, vendor http.HandlerFunc) *bench {
	t.Helper()
	b := &bench{T: t, dir: filepath.Join(t.TempDir(), "stage")}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		b.requests = append(b.requests, strings.TrimSpace(r.URL.Path+" "+r.Header.Get("Range")))
		b.mu.Unlock()
		vendor(w, r)
	}))
	t.Cleanup(server.Close)
	b.url = server.URL
	b.open()
	return b
}

// open opens the store, as a restarted agent does.
func (b *bench) open() {
	b.Helper()
	var err error
	b.store, err = staging.Open(b.dir, staging.Config{HTTP: http.DefaultClient, Verifier: seen{}, Stall: time.Second, Tries: 2, Local: "/"})
	require.NoError(b, err)
	b.Cleanup(func() { b.store.Close() })
}

func (b *bench) asked() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.requests...)
}

func (b *bench) patch(files ...job.File) job.OrderPatch {
	for i := range files {
		if strings.HasPrefix(files[i].URL, "/") {
			files[i].URL = b.url + files[i].URL
		}
		if strings.HasPrefix(files[i].SignatureURL, "/") {
			files[i].SignatureURL = b.url + files[i].SignatureURL
		}
	}
	return job.OrderPatch{Patch: "patch", Files: files}
}

func (b *bench) partials() []string {
	b.Helper()
	var found []string
	require.NoError(b, filepath.WalkDir(b.dir, func(path string, d os.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil // made and renamed just now
		}
		if err == nil && d.Type().IsRegular() && filepath.Ext(path) == ".part" {
			info, err := d.Info()
			if err != nil {
				return err
			}
			found = append(found, fmt.Sprint(info.Size()))
		}
		return err
	}))
	return found
}

func content(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7 >> 3)
	}
	return b
}

func sum(b []byte) integrity.Digest {
	s := sha256.Sum256(b)
	return integrity.Digest{Algorithm: integrity.SHA256, Sum: hex.EncodeToString(s[:])}
}

func serve(b []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
	}
}

func fileURL(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// staged fetches one file and returns its path on the disk and what a deploy is
// given.
func (b *bench) staged() (string, execution.Staged) {
	b.Helper()
	p := b.patch(job.File{Name: "a", URL: "/a"})
	found, failure := b.store.Fetch(b.Context(), key, p)
	require.Nil(b, failure)
	paths, err := filepath.Glob(filepath.Join(b.dir, "*", "*", "0.file"))
	require.NoError(b, err)
	require.Len(b, paths, 1)
	return paths[0], execution.Staged{Patch: p, Digests: []integrity.Digest{found[0].Digests[0]}}
}
