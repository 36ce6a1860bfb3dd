package jsonfeed

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/catalogtest"
	"github.com/patchpolicy/patchpolicy/integrity"
)

// names is a verifier. A signature is the signer's name and the document's
// digest.
type names struct{}

func signature(name, document string) string {
	return fmt.Sprintf("%s: %x", name, sha256.Sum256([]byte(document)))
}

func (names) Verify(content io.ReaderAt, size int64, detached []byte) integrity.Signature {
	data := make([]byte, size)
	if _, err := content.ReadAt(data, 0); err != nil && err != io.EOF {
		return integrity.Signature{Status: integrity.Unsupported, Detail: err.Error()}
	}
	name, digest, _ := strings.Cut(string(detached), ": ")
	switch {
	case detached == nil:
		return integrity.Signature{Status: integrity.Absent}
	case name == "strange":
		return integrity.Signature{Status: integrity.Unsupported, Detail: "a strange signature"}
	case digest != fmt.Sprintf("%x", sha256.Sum256(data)):
		return integrity.Signature{Status: integrity.Bad, Detail: "over other content"}
	case name == "Nobody":
		return integrity.Signature{Status: integrity.Bad, Untrusted: true}
	}
	return integrity.Signature{Status: integrity.Valid, Signer: name, Format: integrity.Key}
}

// signedSource serves a document at /feed.json and what is in signatures by
// path.
type signedSource struct {
	document   string
	signatures map[string]string
	status     int // of the answer for a signature; zero: as it is
	asked      []string
}

func (s *signedSource) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked = append(s.asked, r.URL.Path)
	text, has := s.signatures[r.URL.Path]
	switch {
	case r.URL.Path == "/feed.json":
		text = s.document
	case s.status != 0:
		w.WriteHeader(s.status)
		return
	case !has:
		w.WriteHeader(http.StatusNotFound)
		return
	}
	_, _ = io.WriteString(w, text)
}

func serveSigned(t *testing.T, document string) (*signedSource, string) {
	s := &signedSource{document: document, signatures: map[string]string{"/feed.json.sig": signature("Acme", document)}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server.URL + "/feed.json"
}

var byAcme = Signed{By: []string{"Acme", "Acme Labs"}, Verifier: names{}}

func TestSignedConformance(t *testing.T) {
	path := filepath.Join(t.TempDir(), "feed.json")
	require.NoError(t, os.WriteFile(path, []byte(worked(t)), 0o600))
	require.NoError(t, os.WriteFile(path+".sig", []byte(signature("Acme Labs", worked(t))), 0o600))
	_, location := serveSigned(t, worked(t))
	for _, location := range []string{path, "file://" + path, location} {
		catalogtest.TestFeed(t, func(t *testing.T) catalog.Feed { return feed(t, location, Options{Signed: byAcme}) })
	}
}

// Without a valid signature by one of the signers nothing of the document is
// used, whatever else is wrong with it. Removing the signature leads to no
// weaker check.
func TestUnsignedDocumentIsRefused_INT4_INT9(t *testing.T) {
	document := worked(t)
	for name, c := range map[string]struct {
		signature string // empty: there is none
		reason    integrity.Reason
		status    integrity.Status
		rule      string
	}{
		"absent":        {"", integrity.SignatureMissing, integrity.Absent, "INT-4"},
		"of another":    {signature("Acme", document+" "), integrity.SignatureBad, integrity.Bad, "INT-1"},
		"by another":    {signature("Evil", document), integrity.SignerUnexpected, integrity.Valid, "INT-1"},
		"by nobody":     {signature("", document), integrity.SignerUnexpected, integrity.Valid, "INT-1"},
		"not trusted":   {signature("Nobody", document), integrity.NotTrusted, integrity.Bad, "INT-1"},
		"not supported": {"strange", integrity.SignatureUnsupported, integrity.Unsupported, "INT-9"},
		"an empty file": {"\x00", integrity.SignatureBad, integrity.Bad, "INT-1"},
	} {
		t.Run(name, func(t *testing.T) {
			s, location := serveSigned(t, document)
			switch c.signature {
			case "":
				s.signatures = nil
			case "\x00":
				s.signatures["/feed.json.sig"] = ""
			default:
				s.signatures["/feed.json.sig"] = c.signature
			}
			f := feed(t, strings.Replace(location, "http://", "http://user:secret@", 1), Options{Signed: byAcme})
			b, err := f.Fetch(t.Context())
			require.Zero(t, b)
			var refused *SignatureError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, c.reason, refused.Verdict.Reason)
			require.Equal(t, c.status, refused.Verdict.Signature.Status)
			require.ErrorContains(t, err, "("+c.rule+")")
			require.ErrorContains(t, err, "/feed.json.sig: ")
			require.NotContains(t, err.Error(), "secret")
			require.ErrorContains(t, err, "feed acme: ")

			// It is not remembered: the right signature is enough.
			s.signatures = map[string]string{"/feed.json.sig": signature("Acme Labs", document)}
			b, err = f.Fetch(t.Context())
			require.NoError(t, err)
			require.False(t, b.Unchanged)
			require.Len(t, b.Patches, 1)
		})
	}
}

// The signature is checked before a byte of the document is read as one.
func TestSignatureComesFirst_INT1(t *testing.T) {
	s, location := serveSigned(t, "{")
	s.signatures["/feed.json.sig"] = signature("Evil", "{")
	_, err := feed(t, location, Options{Signed: byAcme}).Fetch(t.Context())
	var refused *SignatureError
	require.ErrorAs(t, err, &refused)
	s.signatures["/feed.json.sig"] = signature("Acme", "{")
	_, err = feed(t, location, Options{Signed: byAcme}).Fetch(t.Context())
	require.ErrorContains(t, err, "no patch document")
}

// A new document needs a new signature. The last good data stays with whoever
// has it (CAT-1).
func TestChangedDocumentNeedsItsOwnSignature_INT4(t *testing.T) {
	s, location := serveSigned(t, worked(t))
	f := feed(t, location, Options{Signed: byAcme})
	_, err := f.Fetch(t.Context())
	require.NoError(t, err)
	s.document = everything
	for _, present := range []bool{true, false} {
		if !present {
			s.signatures = map[string]string{}
		}
		_, err = f.Fetch(t.Context())
		var refused *SignatureError
		require.ErrorAs(t, err, &refused)
	}
	s.signatures["/feed.json.sig"] = signature("Acme", everything)
	b, err := f.Fetch(t.Context())
	require.NoError(t, err)
	require.Len(t, b.Patches, 2)

	s.asked = nil
	b, err = f.Fetch(t.Context())
	require.NoError(t, err)
	require.True(t, b.Unchanged)
	require.Equal(t, []string{"/feed.json"}, s.asked, "these bytes are verified already")
}

// A signature that cannot be fetched is neither absent nor good.
func TestSignatureCannotBeFetched_INT9(t *testing.T) {
	s, location := serveSigned(t, worked(t))
	for status, absent := range map[int]bool{403: false, 404: true, 410: true, 500: false, 204: false} {
		s.status = status
		_, err := feed(t, location, Options{Signed: byAcme}).Fetch(t.Context())
		require.Error(t, err)
		var refused *SignatureError
		require.Equal(t, absent, errors.As(err, &refused), "%d: %v", status, err)
	}
	s.status = 0
	s.signatures["/feed.json.sig"] = strings.Repeat("x", MaxSignature+1)
	_, err := feed(t, location, Options{Signed: byAcme}).Fetch(t.Context())
	require.ErrorContains(t, err, fmt.Sprintf("over the limit of %d bytes", MaxSignature))

	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer slow.Close()
	signed := byAcme
	signed.Location = slow.URL
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = feed(t, location, Options{Signed: signed}).Fetch(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestWhereTheSignatureIs(t *testing.T) {
	for document, want := range map[string]string{
		"feed.json":                              "feed.json.sig",
		"/srv/a?b.json":                          "/srv/a?b.json.sig",
		"file:///srv/feed.json":                  "file:///srv/feed.json.sig",
		"https://acme.example/feed.json":         "https://acme.example/feed.json.sig",
		"https://a:b@acme.example/x%2Fy?token=1": "https://a:b@acme.example/x%2Fy.sig?token=1",
	} {
		require.Equal(t, want, besides(document))
	}
	s, location := serveSigned(t, worked(t))
	s.signatures = map[string]string{"/elsewhere": signature("Acme", worked(t))}
	signed := byAcme
	signed.Location = strings.Replace(location, "/feed.json", "/elsewhere", 1)
	_, err := feed(t, location, Options{Signed: signed}).Fetch(t.Context())
	require.NoError(t, err)
}

func TestHalfASignatureIsRefused_INT4(t *testing.T) {
	for _, signed := range []Signed{{By: []string{"Acme"}}, {Verifier: names{}}, {Location: "feed.sig"}} {
		_, err := New("acme", "feed.json", Options{Signed: signed})
		require.ErrorContains(t, err, "feed acme: its signature needs both")
	}
	_, err := New("acme", "feed.json", Options{Signed: Signed{By: []string{"Acme"}, Verifier: names{}, Location: "gopher://x"}})
	require.ErrorContains(t, err, "signature: ")
}
