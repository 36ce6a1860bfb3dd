package execution

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
)

var unreachable = Downloaded{Code: job.FileDownloadFailed, Text: "The network is down."}

// stranded is an execution of a and b, of which nothing can be downloaded; it waits to try again.
func stranded(t *testing.T, set func(*job.Order)) *world {
	o := orderOf(t, "a", "b")
	o.Pre = []job.Action{{Name: "stop", Command: []string{"true"}}}
	if set != nil {
		set(&o)
	}
	w := newWorld(t, o, map[string]string{"a": "1.0.0", "b": "1.0.0"})
	w.download["a"], w.download["b"] = unreachable, unreachable
	w.until(0)
	require.True(t, w.x.Retrying())
	require.False(t, w.x.AtWork())
	return w
}

// tries are the minutes after the start at which a was tried.
func (w *world) tries(until time.Duration) (minutes []int) {
	w.before = func(e Effect) bool {
		if d, is := e.(Download); is && d.Index == 0 {
			minutes = append(minutes, int(w.now.UTC.Sub(epoch)/time.Minute))
		}
		return false
	}
	w.until(until)
	return minutes
}

// Without a window, what cannot be downloaded is tried again after 1, 2, 4 …
// minutes and then hourly, for a day.
func TestDownloadsAreRetriedForADay_JOB27(t *testing.T) {
	w := stranded(t, nil)
	minutes := w.tries(24*time.Hour - time.Second)
	require.Equal(t, []int{1, 3, 7, 15, 31, 63, 123, 183}, minutes[:8])
	require.Equal(t, job.StageDownload, w.x.Stage)
	w.run()
	require.Equal(t, job.Failed, w.result())
	require.Equal(t, 24*time.Hour, w.now.UTC.Sub(epoch))
	require.Equal(t, job.FileDownloadFailed, w.patch("a").Code)
	require.Equal(t, "JOB-27", w.patch("a").Rule)
	require.Equal(t, "It could not be downloaded in 30 tries: The network is down.", w.patch("b").Text)
	require.Zero(t, w.count("act stop"), "JOB-4")
	require.Len(t, w.reports, 2+29+1, "each pause is reported")
	require.Equal(t, "waits to try again (failed tries: 29): The network is down.", w.reports[30].Text)
}

// As soon as one patch is ready, the others fail, and what is ready is deployed.
func TestDownloadsThatComeBack_JOB27_JOB2(t *testing.T) {
	w := stranded(t, nil)
	w.until(40 * time.Minute)
	delete(w.download, "b")
	w.run()
	require.Equal(t, job.CompletedWithFailures, w.result())
	require.Equal(t, job.Succeeded, w.patch("b").Status)
	require.Zero(t, w.patch("b").Code)
	require.Equal(t, job.FileDownloadFailed, w.patch("a").Code)
	require.Equal(t, "JOB-2", w.patch("a").Rule)
	require.Equal(t, 1, w.count("act stop"))
}

// What failed for another reason is not tried again, and alone it ends the execution at once.
func TestOnlyUnreachedSourcesAreRetried_JOB27_JOB2(t *testing.T) {
	for _, ev := range []Downloaded{
		{Code: job.LanguageDownloadNotAvailable}, {Code: job.PatchURLMissing}, {Code: job.UnspecifiedAgentError}, {},
		{Files: []Evidence{{Signature: integrity.Signature{Status: integrity.Bad}, Digests: []integrity.Digest{good}}}},
	} {
		w := stranded(t, nil)
		w.download["a"] = ev
		w.until(3 * time.Minute)
		require.Equal(t, job.PatchFailed, w.patch("a").Status)
		require.Equal(t, 2, w.count("download a"))
		w.download["b"] = ev
		w.run()
		require.Equal(t, job.Failed, w.result())
		require.Equal(t, 2, w.count("download a"))
		require.Equal(t, epoch.Add(7*time.Minute), w.now.UTC)
	}
}

// A platform's refusal of what was downloaded leaves nothing ready either.
func TestRefusedByThePlatformWhileOthersAreMissing_JOB27(t *testing.T) {
	o := orderOf(t, "a", "b")
	w := newWorld(t, o, map[string]string{"a": "1.0.0", "b": "1.0.0"})
	w.download["a"], w.preflight["b"] = unreachable, PreflightResult{Refused: "no"}
	w.until(time.Minute / 2)
	require.True(t, w.x.Retrying())
	delete(w.download, "a")
	w.run()
	require.Equal(t, job.CompletedWithFailures, w.result())
	require.Equal(t, job.Succeeded, w.patch("a").Status)
	require.Equal(t, 1, w.count("download b"))
}

// The window's end ends it, to the second.
func TestWindowEndsWhileDownloadsWait_JOB27_JOB10(t *testing.T) {
	w := stranded(t, func(o *job.Order) { o.End = epoch.Add(90 * time.Minute) })
	require.Equal(t, []int{1, 3, 7, 15, 31, 63}, w.tries(48*time.Hour))
	require.Equal(t, job.Failed, w.result())
	require.Equal(t, epoch.Add(90*time.Minute), w.now.UTC)
	require.Equal(t, job.PatchInstallationSkipped, w.patch("a").Code)
	require.Equal(t, "The patch window ended before its download was complete. It failed 7 times: The network is down.", w.patch("a").Text)

	w = stranded(t, func(o *job.Order) { o.End = epoch.Add(72 * time.Hour) })
	w.until(71 * time.Hour)
	require.True(t, w.x.Retrying(), "a long window goes on longer than a day")
}

func TestCancelWhileDownloadsWait_JOB27_JOB3(t *testing.T) {
	w := stranded(t, nil)
	w.until(2 * time.Hour)
	w.event(Cancel{})
	require.Equal(t, job.Cancelled, w.result())
	require.Equal(t, job.CodeCancelled, w.patch("a").Code)
	require.Zero(t, w.count("act stop"))
}

// A restart waits on: it begins neither the pauses nor the day again.
func TestRestartWhileDownloadsWait_JOB27_JOB17(t *testing.T) {
	w := stranded(t, nil)
	w.until(70 * time.Minute)
	tried := w.count("download a")
	for range 5 {
		w.boot++
		w.crash()
		w.until(time.Minute)
	}
	require.Equal(t, tried, w.count("download a"))
	w.until(time.Hour)
	require.Equal(t, tried+1, w.count("download a"))
	w.run()
	require.Equal(t, job.Failed, w.result())
	require.Equal(t, 24*time.Hour, w.now.UTC.Sub(epoch))
}

// While another execution is at work nothing is tried; and what it installed is
// not installed again.
func TestRetryWaitsForAnotherExecution_JOB27_JOB11(t *testing.T) {
	w := stranded(t, nil)
	w.c.Busy = true
	w.until(5 * time.Hour)
	require.Equal(t, 1, w.count("download a"))
	w.c.Busy = false
	w.installed["a"], w.installed["b"] = "2.0.0", "3.0.0"
	w.until(time.Minute)
	require.Equal(t, 1, w.count("download a"))
	require.Equal(t, job.Inapplicable, w.patch("a").Status)
	require.Equal(t, 1, w.count("act stop"), "nothing failed, so the actions run")
}
