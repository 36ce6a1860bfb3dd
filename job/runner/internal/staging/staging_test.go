package staging_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/runner/internal/staging"
	"github.com/stretchr/testify/require"
)

func TestFetchDigestsAndLooksForSignatures_INT9(t *testing.T) {
	data := content(1 << 20)
	b := newBench(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/signed.sig":
			fmt.Fprint(w, "vendor")
		case "/empty.sig":
		case "/gone.sig":
			w.WriteHeader(http.StatusGone)
		case "/absent.sig":
			w.WriteHeader(http.StatusNotFound)
		default:
			serve(data)(w, r)
		}
	})
	sha512 := integrity.Expectation{Digests: []integrity.Digest{{Algorithm: integrity.SHA512, Sum: strings.Repeat("0", 128)}}}
	found, failure := b.store.Fetch(t.Context(), key, b.patch(
		job.File{Name: "a", URL: "/signed", SignatureURL: "/signed.sig", Expect: sha512},
		job.File{Name: "b", URL: "/empty", SignatureURL: "/empty.sig"},
		job.File{Name: "c", URL: "/gone", SignatureURL: "/gone.sig"},
		job.File{Name: "d", URL: "/absent", SignatureURL: "/absent.sig"},
		job.File{Name: "e", URL: "/plain"},
	))
	require.Nil(t, failure)
	require.Len(t, found, 5)
	require.Equal(t, integrity.Signature{Status: integrity.Valid, Signer: "vendor of 1048576"}, found[0].Signature)
	require.Equal(t, integrity.Valid, found[1].Signature.Status, "an empty signature is there")
	for _, e := range found[2:] {
		require.Equal(t, integrity.Absent, e.Signature.Status)
	}
	for _, e := range found {
		require.EqualValues(t, len(data), e.Size)
		require.Contains(t, e.Digests, sum(data))
	}
	require.Len(t, found[0].Digests, 2)
}

func TestSignatureThatCannotBeFetchedIsNotAbsent_INT9(t *testing.T) {
	down := true
	b := newBench(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/a.sig" {
			serve([]byte("data"))(w, r)
			return
		}
		if down {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		fmt.Fprint(w, "vendor")
	})
	p := b.patch(job.File{Name: "a", URL: "/a", SignatureURL: "/a.sig"})
	_, failure := b.store.Fetch(t.Context(), key, p)
	require.NotNil(t, failure)
	require.Equal(t, job.FileDownloadFailed, failure.Code)
	require.Contains(t, failure.Text, "the signature of a could not be fetched")
	down = false
	found, failure := b.store.Fetch(t.Context(), key, p)
	require.Nil(t, failure)
	require.Equal(t, "vendor of 4", found[0].Signature.Signer)
	require.Equal(t, []string{"/a", "/a.sig", "/a.sig"}, b.asked(), "the content was not fetched twice")
}

func TestEveryFailureSaysWhatWhereAndWhatToDo_JOB16(t *testing.T) {
	b := newBench(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/404":
			w.WriteHeader(http.StatusNotFound)
		case "/403":
			w.WriteHeader(http.StatusForbidden)
		case "/500":
			w.WriteHeader(http.StatusInternalServerError)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/elsewhere":
			http.Redirect(w, r, "ftp://example.org/x", http.StatusFound)
		case "/silent":
			w.Header().Set("Content-Length", "10")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		case "/huge":
			w.Header().Set("Content-Length", strconv.Itoa(1<<40))
		case "/endless":
			for r.Context().Err() == nil {
				w.Write(make([]byte, 1<<20))
			}
		}
	})
	withUser := strings.Replace(b.url, "://", "://user:secret@", 1)
	for _, c := range []struct {
		file job.File
		code job.Code
		text []string
	}{
		{job.File{}, job.PatchURLMissing, []string{"set a custom URL"}},
		{job.File{URL: "/404"}, job.FileDownloadFailed, []string{"/404", "404 Not Found", "the vendor no longer has this file"}},
		{job.File{URL: "/403"}, job.FileDownloadFailed, []string{"/403", "check credentials"}},
		{job.File{URL: "/500"}, job.FileDownloadFailed, []string{"500 Internal Server Error", "in 2 tries"}},
		{job.File{URL: "/loop"}, job.FileDownloadFailed, []string{"more than 10 redirects"}},
		{job.File{URL: "/elsewhere"}, job.FileDownloadFailed, []string{"could not be fetched"}},
		{job.File{URL: "/silent"}, job.FileDownloadFailed, []string{"the server sent nothing for 1s"}},
		{job.File{URL: "/huge"}, job.FileDownloadFailed, []string{"announces 1099511627776 bytes", "correct the patch's size"}},
		{job.File{URL: "/endless", Size: 100}, job.FileDownloadFailed, []string{"longer than 16777616 bytes"}},
		{job.File{URL: withUser + "/404?token=secret"}, job.FileDownloadFailed, []string{"/404?…"}},
		{job.File{URL: "http://127.0.0.1:1/refused?token=secret"}, job.FileDownloadFailed, []string{"127.0.0.1:1", "refused"}},
		{job.File{URL: "gopher://example.org/x"}, job.FileDownloadFailed, []string{"want an http, https or file URL"}},
		{job.File{URL: "http://[::1"}, job.FileDownloadFailed, []string{"not a URL"}},
		{job.File{URL: fileURL(filepath.Join(b.dir, "nothing"))}, job.FileDownloadFailed, []string{"could not be fetched from file://"}},
		{job.File{URL: fileURL(b.dir)}, job.FileDownloadFailed, []string{"not a regular file"}},
	} {
		c.file.Name = "the.file"
		_, failure := b.store.Fetch(t.Context(), key, b.patch(c.file))
		require.NotNil(t, failure, c.file.URL)
		require.Equal(t, c.code, failure.Code, c.file.URL)
		for _, text := range c.text {
			require.Contains(t, failure.Text, text)
		}
		require.NotContains(t, failure.Text, "secret")
	}
	_, failure := b.store.Fetch(t.Context(), key, job.OrderPatch{Patch: "empty"})
	require.Equal(t, job.PatchURLMissing, failure.Code)
}

func TestWrongSizeIsForIntegrityToJudge_INT2(t *testing.T) {
	for _, size := range []int64{1, 999, 1001, 5000} {
		b := newBench(t, serve(content(1000)))
		found, failure := b.store.Fetch(t.Context(), key, b.patch(job.File{Name: "a", URL: "/a", Size: size}))
		require.Nil(t, failure)
		require.EqualValues(t, 1000, found[0].Size)
	}
}

func TestRedirectFromHTTPSToHTTPIsNotFollowed(t *testing.T) {
	plain := httptest.NewServer(serve([]byte("x")))
	defer plain.Close()
	secure := httptest.NewTLSServer(http.RedirectHandler(plain.URL, http.StatusFound))
	defer secure.Close()
	store, err := staging.Open(t.TempDir(), staging.Config{HTTP: secure.Client(), Verifier: seen{}, Stall: time.Second, Tries: 1})
	require.NoError(t, err)
	defer store.Close()
	_, failure := store.Fetch(t.Context(), key, job.OrderPatch{Files: []job.File{{Name: "a", URL: secure.URL}}})
	require.NotNil(t, failure)
	require.Contains(t, failure.Text, "from https to http")
}

func TestFileURLs(t *testing.T) {
	b := newBench(t, serve(nil))
	path := filepath.Join(t.TempDir(), "the patch.bin")
	require.NoError(t, os.WriteFile(path, content(3000), 0o600))
	found, failure := b.store.Fetch(t.Context(), key, b.patch(job.File{Name: "a", URL: fileURL(path), SignatureURL: fileURL(path + ".sig")}))
	require.Nil(t, failure)
	require.Equal(t, []integrity.Digest{sum(content(3000))}, found[0].Digests)
	require.Equal(t, integrity.Absent, found[0].Signature.Status)
	require.Empty(t, b.asked())
}

func TestOpenGivesTheVerifiedBytes_INT6(t *testing.T) {
	data := content(5000)
	b := newBench(t, serve(data))
	path, s := b.staged()
	files, failure := b.store.Open(key, s)
	require.Nil(t, failure)
	defer files[0].Close()
	if runtime.GOOS != "windows" {
		for p, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700, b.dir: 0o700} {
			info, err := os.Stat(p)
			require.NoError(t, err)
			require.Equal(t, want, info.Mode().Perm(), p)
		}
		require.NoError(t, os.Remove(path))
		require.NoError(t, os.WriteFile(path, []byte("swapped"), 0o600))
	}
	got, err := io.ReadAll(files[0])
	require.NoError(t, err)
	require.Equal(t, data, got)
}

func TestOpenRefusesWhatChanged_INT6(t *testing.T) {
	b := newBench(t, serve(content(5000)))
	path, s := b.staged()

	changed := content(5000)
	changed[77]++
	require.NoError(t, os.WriteFile(path, changed, 0o600))
	_, failure := b.store.Open(key, s)
	require.Equal(t, job.FileHashValidationFailed, failure.Code)
	require.Contains(t, failure.Text, "INT-6")

	elsewhere := filepath.Join(filepath.Dir(path), "elsewhere")
	require.NoError(t, os.WriteFile(elsewhere, content(5000), 0o600))
	require.NoError(t, os.Remove(path))
	if err := os.Symlink("elsewhere", path); err == nil { // not every system lets one make links
		_, failure = b.store.Open(key, s)
		require.Equal(t, job.FileValidationFailed, failure.Code, "the right bytes behind a link")
		require.NoError(t, os.Remove(path))
	}

	_, failure = b.store.Open(key, s)
	require.Equal(t, job.FileValidationFailed, failure.Code, "gone")
	s.Digests = nil
	_, failure = b.store.Open(key, s)
	require.Equal(t, job.UnspecifiedAgentError, failure.Code)
}

func TestDiscardAndKeep_INT8(t *testing.T) {
	b := newBench(t, serve(content(100)))
	p := b.patch(job.File{Name: "a", URL: "/a"})
	keys := []staging.Key{{Order: "one", Index: 1}, {Order: "one", Index: 11}, {Order: "two", Index: 1}, {Order: "three", Index: 1}}
	for _, k := range keys {
		_, failure := b.store.Fetch(t.Context(), k, p)
		require.Nil(t, failure)
	}
	count := func() int {
		paths, err := filepath.Glob(filepath.Join(b.dir, "*", "*", "0.file"))
		require.NoError(t, err)
		return len(paths)
	}
	require.Equal(t, 4, count())
	require.NoError(t, b.store.Discard(staging.Key{Order: "one", Index: 1}))
	require.Equal(t, 3, count())
	require.NoError(t, b.store.Discard(staging.Key{Order: "one", Index: -1}))
	require.Equal(t, 2, count())
	require.NoError(t, b.store.Discard(staging.Key{Order: "never", Index: 3}))
	require.NoError(t, b.store.Keep([]job.OrderID{"three", "four"}))
	require.Equal(t, 1, count())
	require.NoError(t, b.store.Keep(nil))
	require.Equal(t, 0, count())
}

func TestOpenRefusesAFolderThatIsALink(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "real"), 0o700))
	if err := os.Symlink("real", filepath.Join(dir, "link")); err != nil {
		t.Logf("this system lets nobody make a link: %v", err)
		return
	}
	_, err := staging.Open(filepath.Join(dir, "link"), staging.Config{})
	require.ErrorContains(t, err, "a link or a file")
}

func TestKeyCovers(t *testing.T) {
	one := staging.Key{Order: "o", Index: 1}
	require.True(t, one.Covers(one))
	require.True(t, staging.Key{Order: "o", Index: -1}.Covers(one))
	require.False(t, staging.Key{Order: "o", Index: 2}.Covers(one))
	require.False(t, staging.Key{Order: "p", Index: -1}.Covers(one))
	require.False(t, staging.Key{Index: -1}.Covers(staging.Key{}), "the zero Key names nothing")
}
