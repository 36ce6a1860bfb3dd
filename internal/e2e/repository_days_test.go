package e2e

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
)

// A package whose bytes are not the listed ones is not installed, with the
// checksum's code. The rest of the order goes on. Once the repository serves
// the right bytes, the next run finishes the work.
func TestTamperedPackage_INT2_INT8_JOB2(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deb("alpha", "1"), deb("beta", "1"))
	w.asset.start()
	w.repo.publish(deb("alpha", "2"), deb("beta", "2"))
	w.repo.tamper(deb("alpha", "2"))
	w.server.synced()
	a := w.run("first")
	require.Equal(t, job.CompletedWithFailures.String(), a.Result.String())
	bad := outcome(t, a, "alpha")
	failed(t, bad, job.FileHashValidationFailed)
	require.Equal(t, "INT-2", bad.Rule)
	succeeded(t, outcome(t, a, "beta"), "2")
	w.has("alpha", "1")
	w.has("beta", "2")

	w.repo.publish(deb("alpha", "2"), deb("beta", "2"))
	w.server.synced()
	a = w.run("second")
	require.Equal(t, job.Completed.String(), a.Result.String())
	succeeded(t, outcome(t, a, "alpha"), "2")
	w.has("alpha", "2")
	require.Empty(t, audit(t, w.root))
}

// If every ordered package is tampered with, nothing is deployed and the
// execution fails.
func TestOnlyTamperedPackages_INT2_JOB2(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deb("alpha", "1"))
	w.asset.start()
	w.repo.publish(with(deb("alpha", "2"), "preinst", "touch /never"))
	w.repo.tamper(deb("alpha", "2"))
	w.server.synced()
	a := w.run("first")
	require.Equal(t, job.Failed.String(), a.Result.String())
	failed(t, outcome(t, a, "alpha"), job.FileHashValidationFailed)
	w.has("alpha", "1")
	require.False(t, exists(w.root, "never"), "no part of it ran")
	require.NotContains(t, w.asset.progress(a.Order), job.Deploying)
}

// A repository that is no longer trusted keeps its last good patches, shows as
// unhealthy with the reason, and brings nothing new. Once it is trusted again,
// the next run brings the rest.
func TestRepositoryThatCannotBeBelieved_CAT1(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		bad  func(w *world) edition
		why  string
	}{
		{"a tampered list", func(*world) edition { return edition{tamper: true} }, "the Release file promises"},
		{"an expired signature", func(*world) edition { return edition{validUntil: time.Now().Add(-time.Hour)} }, "it was valid until"},
		{"an unknown key", func(w *world) edition { return edition{key: newKey(w.t)} }, "not trusted"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, deb("alpha", "1"))
			w.asset.start()
			w.repo.publish(deb("alpha", "2"))
			w.server.synced()

			w.repo.release(tt.bad(w), deb("alpha", "3"))
			feeds := w.server.sync()
			require.Len(t, feeds, 1)
			require.False(t, feeds[0].Healthy)
			require.Contains(t, feeds[0].Err, tt.why)
			require.Equal(t, 1, feeds[0].Patches, "the last good ones")
			a := w.run("first")
			require.Equal(t, job.Completed.String(), a.Result.String())
			succeeded(t, outcome(t, a, "alpha"), "2")
			w.has("alpha", "2")

			w.repo.publish(deb("alpha", "3"))
			w.server.synced()
			a = w.run("second")
			require.Equal(t, job.Completed.String(), a.Result.String())
			succeeded(t, outcome(t, a, "alpha"), "3")
			w.has("alpha", "3")
			require.Empty(t, audit(t, w.root))
		})
	}
}

// A repository that was never trusted gives nothing: the job does not apply,
// and the asset stays as it is.
func TestRepositoryNeverBelieved_CAT1_JOB2(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, func(r *repository) { r.release(edition{key: newKey(t)}, deb("alpha", "2")) }, deb("alpha", "1"))
	w.asset.start()
	feeds := w.server.sync()
	require.Len(t, feeds, 1)
	require.False(t, feeds[0].Healthy)
	require.Zero(t, feeds[0].Patches)
	a := w.server.ended(w.enable("first"))
	require.Equal(t, job.NotApplicable.String(), a.Result.String())
	require.Empty(t, a.Patches)
	require.False(t, a.HandedOut, "there is nothing to hand out")
	w.has("alpha", "1")

	w.repo.publish(deb("alpha", "2"))
	w.server.synced()
	require.Equal(t, job.Completed.String(), w.run("second").Result.String())
	w.has("alpha", "2")
}

// A download whose connection breaks resumes where it was, and the run
// completes.
func TestConnectionCutOnce_JOB17(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deb("alpha", "1"))
	w.asset.start()
	big := large("alpha", "2")
	w.repo.publish(big)
	w.server.synced()
	w.repo.answering(half(big, new(atomic.Int32)))
	a := w.run("first")
	require.Equal(t, job.Completed.String(), a.Result.String())
	succeeded(t, outcome(t, a, "alpha"), "2")
	w.has("alpha", "2")
	asked := w.repo.requests(big)
	require.Len(t, asked, 2)
	require.Empty(t, asked[0].span)
	require.True(t, strings.HasPrefix(asked[1].span, "bytes=") && asked[1].span != "bytes=0-", "it resumes where it was: %q", asked[1].span)
	require.Empty(t, audit(t, w.root))
}

// A repository that is down during a run, for longer than a download is tried,
// fails that patch. What was downloaded before is installed. Once the
// repository is back, the next run finishes the work.
func TestRepositoryDown_JOB2_JOB16(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deb("alpha", "1"), deb("beta", "1"))
	w.asset.start()
	big := large("beta", "2")
	w.repo.publish(deb("alpha", "2"), big)
	w.server.synced()
	var down atomic.Bool // from the first byte of beta on
	w.repo.answering(func(_ http.ResponseWriter, r *http.Request, _ []byte) bool {
		if strings.HasSuffix(r.URL.Path, pooled(big)) {
			down.Store(true)
		}
		if down.Load() {
			panic(http.ErrAbortHandler)
		}
		return false
	})
	a := w.run("first")
	require.Equal(t, job.CompletedWithFailures.String(), a.Result.String())
	succeeded(t, outcome(t, a, "alpha"), "2")
	failed(t, outcome(t, a, "beta"), job.FileDownloadFailed)
	w.has("alpha", "2")
	w.has("beta", "1")
	feeds := w.server.sync()
	require.False(t, feeds[0].Healthy)

	w.repo.answering(nil)
	w.server.synced()
	a = w.run("second")
	require.Equal(t, job.Completed.String(), a.Result.String())
	w.has("beta", "2")
	require.Empty(t, audit(t, w.root))
}
