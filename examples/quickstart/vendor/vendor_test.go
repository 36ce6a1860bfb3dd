package vendor

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/catalogtest"
	"github.com/patchpolicy/patchpolicy/examples/quickstart/folder"
	"github.com/patchpolicy/patchpolicy/integrity"
)

func start(t *testing.T) *Vendor {
	t.Helper()
	v, err := Start("acme", t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, v.Close()) })
	return v
}

func publish(t *testing.T, v *Vendor, r Release) catalog.Patch {
	t.Helper()
	require.NoError(t, v.Publish(r))
	feed, err := v.Feed()
	require.NoError(t, err)
	batch, err := feed.Fetch(t.Context())
	require.NoError(t, err)
	snapshot, changes := catalog.Sync(nil, []catalog.Batch{batch}, time.Now())
	require.Empty(t, changes.Rejected)
	patch, listed := snapshot.Patch(r.ID())
	require.True(t, listed)
	return patch
}

func get(t *testing.T, url string) []byte {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode, url)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return body
}

// judge downloads a patch as an asset does, and returns the verdict on it.
func judge(t *testing.T, v *Vendor, patch catalog.Patch) integrity.Verdict {
	t.Helper()
	verifier, err := v.Verifier()
	require.NoError(t, err)
	a := patch.Artifacts[0]
	file := get(t, a.URL)
	var signature []byte
	if a.SignatureURL != "" {
		signature = get(t, a.SignatureURL)
	}
	d := integrity.NewDigester(integrity.SHA256)
	_, err = d.Write(file)
	require.NoError(t, err)
	found := verifier.Verify(bytes.NewReader(file), int64(len(file)), signature)
	return integrity.Judge(integrity.Expectation{Signer: a.Signer, Digests: a.Digests, LatestOnly: a.Availability == catalog.LatestOnly}, found, d.Sums())
}

func TestVendorsListIsAFeed(t *testing.T) {
	v := start(t)
	publish(t, v, Release{Product: "reader", Version: "1.1.0", Signed: true})
	catalogtest.TestFeed(t, func(t *testing.T) catalog.Feed {
		feed, err := v.Feed()
		require.NoError(t, err)
		return feed
	})
}

func TestVerdictOnEachKindOfFile_INT1_INT2(t *testing.T) {
	v := start(t)
	signed := Release{Product: "reader", Version: "1.1.0", Signed: true}
	unsigned := Release{Product: "editor", Version: "2.1.0"}
	a, b := publish(t, v, signed), publish(t, v, unsigned)
	require.Equal(t, integrity.SignatureValid, judge(t, v, a).Reason)
	require.Equal(t, integrity.ChecksumMatched, judge(t, v, b).Reason)

	require.NoError(t, v.Tamper(signed))
	require.NoError(t, v.Tamper(unsigned))
	require.Equal(t, integrity.FileSignatureFailed, judge(t, v, a).Code)
	require.Equal(t, integrity.FileHashValidationFailed, judge(t, v, b).Code)
	require.Error(t, v.Tamper(Release{Product: "reader", Version: "9.9.9"}), "a file that is not served cannot be changed")
}

func TestMovingOnServesANewerSignedFileAtTheSameAddress_CAT7(t *testing.T) {
	v := start(t)
	patch := publish(t, v, Release{Product: "chat", Version: "1.1.0", Signed: true, LatestOnly: true})
	require.Equal(t, catalog.LatestOnly, patch.Artifacts[0].Availability)
	require.NoError(t, v.MoveOn(Release{Product: "chat", Version: "1.2.0", Signed: true, LatestOnly: true}))
	verdict := judge(t, v, patch)
	require.True(t, verdict.Passed)
	require.Equal(t, integrity.Mismatched, verdict.Checksum)
	served, _, err := folder.ReadPatch(bytes.NewReader(get(t, patch.Artifacts[0].URL)))
	require.NoError(t, err)
	require.Equal(t, "1.2.0", served.Version.String())
}

func TestInvalidReleasesAreRefused(t *testing.T) {
	v := start(t)
	require.Error(t, v.Publish(Release{Product: "reader", Version: "one"}))
	require.ErrorContains(t, v.Publish(Release{Product: "../reader", Version: "1.0.0"}), "not a folder patch")
	require.Error(t, v.MoveOn(Release{Product: "reader", Version: "one"}))
	resp, err := http.Get(v.base + "/nothing")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
}
