package rpmfeed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"github.com/patchpolicy/patchpolicy/catalog/fault"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// A document that is broken, cut off, altered, wrongly signed, huge, slow or
// missing fails the fetch with its cause. The catalog then keeps what it has,
// and the next good fetch is whole (CAT-1).
func TestBadDocuments_CAT1(t *testing.T) {
	other := newKey(t)
	replace := func(old, with string) func(*repo) {
		return func(r *repo) {
			text := string(r.files["repodata/repomd.xml"])
			require.Contains(t, text, old)
			r.sign(strings.Replace(text, old, with, 1))
		}
	}
	resize := func(r *repo, to string) {
		r.sign(regexp.MustCompile("<open-size>[0-9]+").ReplaceAllString(string(r.files["repodata/repomd.xml"]), "<open-size>"+to))
	}
	file := func(r *repo, kind string) string {
		for name := range r.files {
			if strings.Contains(name, kind) {
				return name
			}
		}
		return ""
	}
	for name, c := range map[string]struct {
		cause fault.Cause
		spoil func(*repo)
	}{
		"no repomd":             {fault.Missing, func(r *repo) { delete(r.files, "repodata/repomd.xml") }},
		"no signature":          {fault.Unsigned, func(r *repo) { delete(r.files, "repodata/repomd.xml.asc") }},
		"empty signature":       {fault.Unsigned, func(r *repo) { r.files["repodata/repomd.xml.asc"] = []byte("\n") }},
		"another key":           {fault.UnknownKey, func(r *repo) { r.key, other = other, r.key; r.sign(string(r.files["repodata/repomd.xml"])) }},
		"altered":               {fault.BadSignature, func(r *repo) { r.files["repodata/repomd.xml"] = append(r.files["repodata/repomd.xml"], '\n') }},
		"not a signature":       {fault.BadSignature, func(r *repo) { r.files["repodata/repomd.xml.asc"] = []byte("<html>") }},
		"not XML":               {fault.Malformed, func(r *repo) { r.sign("<html><p>") }},
		"cut off":               {fault.Malformed, func(r *repo) { r.sign(string(r.files["repodata/repomd.xml"][:300])) }},
		"another document":      {fault.Malformed, func(r *repo) { r.sign("<html></html>") }},
		"no primary":            {fault.Unsupported, replace(`type="primary"`, `type="primary_zck"`)},
		"a weak digest":         {fault.Unsupported, replace(`<checksum type="sha256">`, `<checksum type="sha">`)},
		"no size of a digest":   {fault.Unsupported, replace(`<checksum type="sha256">`, `<checksum type="sha512">`)},
		"twice":                 {fault.Malformed, replace(`type="updateinfo"`, `type="primary"`)},
		"leads out":             {fault.Malformed, replace(`href="repodata/`, `href="../repodata/`)},
		"another address":       {fault.Unsupported, replace(`<location href`, `<location xml:base="http://x.example/" href`)},
		"from the future":       {fault.NotYetValid, func(r *repo) { r.dated = today.Add(maxAhead + time.Second); r.publish() }},
		"primary is missing":    {fault.Missing, func(r *repo) { delete(r.files, file(r, "primary")) }},
		"primary is altered":    {fault.Mismatch, func(r *repo) { r.files[file(r, "primary")][20] ^= 1 }},
		"primary is cut off":    {fault.Mismatch, func(r *repo) { n := file(r, "primary"); r.files[n] = r.files[n][:50] }},
		"primary is longer":     {fault.Mismatch, func(r *repo) { n := file(r, "primary"); r.files[n] = append(r.files[n], 0) }},
		"primary is no XML":     {fault.Malformed, func(r *repo) { r.primary = "</x>"; r.publish() }},
		"primary is huge":       {fault.TooLarge, replace("<size>", fmt.Sprintf("<size>%d", maxFile))},
		"huge when unpacked":    {fault.TooLarge, replace("<open-size>", fmt.Sprintf("<open-size>%d", int64(maxPlain)))},
		"unpacks to more":       {fault.Mismatch, func(r *repo) { resize(r, "1") }},
		"unpacks to less":       {fault.Mismatch, func(r *repo) { resize(r, "9999") }},
		"updateinfo is cut off": {fault.Mismatch, func(r *repo) { n := file(r, "updateinfo"); r.files[n] = r.files[n][:50] }},
		"updateinfo is no XML":  {fault.Malformed, func(r *repo) { r.updateinfo = "<update><id>"; r.publish() }},
		"a huge repomd":         {fault.TooLarge, func(r *repo) { r.sign("<repomd>" + strings.Repeat(" ", maxRepomd) + "</repomd>") }},
		"a huge record": {fault.Malformed, func(r *repo) {
			r.primary = pkg("x", "0", "1", "1", "x86_64", "<a>", strings.Repeat("x", maxRecord+8192), "</a>")
			r.publish()
		}},
		"the server fails": {fault.Unreachable, func(r *repo) {
			r.answer = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusBadGateway); return true }
		}},
		"a slow server": {fault.Unreachable, func(r *repo) {
			r.answer = func(w http.ResponseWriter, req *http.Request) bool {
				w.Header().Set("Content-Length", "1000")
				_, _ = w.Write([]byte("<repomd"))
				w.(http.Flusher).Flush()
				select {
				case <-req.Context().Done():
				case <-time.After(5 * time.Second):
				}
				return true
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := sample(t)
			f := r.feed(func(c *Config) { c.Client = &http.Client{Timeout: 2 * time.Second} })
			if name == "a slow server" {
				f = r.feed(func(c *Config) { c.Client = &http.Client{Timeout: 100 * time.Millisecond} })
			}
			c.spoil(r)
			_, err := f.Fetch(t.Context())
			e, is := errors.AsType[*fault.Error](err)
			require.True(t, is, "%v", err)
			require.Equal(t, c.cause, e.Cause, "%v", err)
			require.NotEmpty(t, e.Text)
			require.Contains(t, e.Where, r.url)
			r.mu.Lock()
			r.answer = nil
			r.mu.Unlock()
			good := sample(t)
			r.key, r.files = good.key, good.files
			f.keys = good.feed().keys
			require.Len(t, fetched(t, f).Patches, 4)
		})
	}
}

func TestConfigIsRefused(t *testing.T) {
	key := public(t, newKey(t))
	good := Config{Channel: "a", URL: "https://acme.example/x", Architectures: []string{"x86_64"}, Keyring: key}
	_, err := New(good)
	require.NoError(t, err)
	for want, change := range map[string]func(*Config){
		"is not a repository id":         func(c *Config) { c.Channel = "a/b" },
		"is not an http, https or file":  func(c *Config) { c.URL = "ftp://acme.example/" },
		"URL of a repository":            func(c *Config) { c.URL = "https://acme.example/?q" },
		"without a query and a password": func(c *Config) { c.URL = "https://u:secret@acme.example/x" },
		"are not architectures":          func(c *Config) { c.Architectures = []string{"noarch"} },
		"want the native one first":      func(c *Config) { c.Architectures = nil },
		"is not a vendor's name":         func(c *Config) { c.Vendor = "a\nb" },
		"set either Keyring":             func(c *Config) { c.Keyring = nil },
		"or Unsigned":                    func(c *Config) { c.Unsigned = true },
		"the keyring cannot be used":     func(c *Config) { c.Keyring = []byte("<html>") },
	} {
		c := good
		change(&c)
		_, err := New(c)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "secret")
	}
}

// A folder on this machine is read like a server, and its packages are the
// package manager's.
func TestMetadataFolder_CAT5(t *testing.T) {
	r := sample(t)
	dir := t.TempDir()
	for name, data := range r.files {
		writeFile(t, dir, name, data)
	}
	f := r.feed(func(c *Config) { c.URL, c.Metadata = "", dir })
	b := fetched(t, f)
	require.Equal(t, catalog.Repository, b.Patches[0].Artifacts[0].Availability)
	require.Empty(t, b.Patches[0].Artifacts[0].URL)
	require.True(t, fetched(t, f).Unchanged)
	_, err := r.feed(func(c *Config) { c.URL, c.Metadata = "", dir+"/none" }).Fetch(t.Context())
	e, is := errors.AsType[*fault.Error](err)
	require.True(t, is)
	require.Equal(t, fault.Missing, e.Cause)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = f.Fetch(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

// One key of several is enough, and an expired one is not.
func TestKeyring(t *testing.T) {
	r := sample(t)
	f := r.feed(func(c *Config) { c.Keyring = bytes.Join([][]byte{public(t, newKey(t)), public(t, r.key)}, nil) })
	require.Len(t, fetched(t, f).Patches, 4)
	f.config.Now = func() time.Time { return today.Add(-48 * time.Hour) } // before the key was made
	_, err := f.Fetch(t.Context())
	e, is := errors.AsType[*fault.Error](err)
	require.True(t, is)
	require.Equal(t, fault.BadSignature, e.Cause)
}
