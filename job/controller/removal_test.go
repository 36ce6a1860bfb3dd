package controller_test

import (
	"bytes"
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// refused calls with an asset that was removed, and returns the refusal.
func (f *fixture) refused(a *agent) string {
	f.Helper()
	_, err := f.CheckIn(ctx, a.request(f.now), f.now)
	require.ErrorIs(f, err, manifest.ErrUnknownAsset)
	return err.Error()
}

// A removed asset gets a last, empty manifest at each of its calls until it
// holds it; then its calls are refused. After 90 days the server knows it no
// longer (MAN-10).
func TestRemovalReachesTheAgent_MAN10(t *testing.T) {
	for name, days := range map[string]int{"at once": 0, "off for a month": 30, "off for 100 days": 100} {
		t.Run(name, func(t *testing.T) {
			stores(t, func(f *fixture) {
				a, run, order := f.ordered("now")
				a.report(job.Report{Order: order, Progress: job.Received})
				f.call(a)
				require.NoError(f, f.RemoveAsset(ctx, "a", f.now))
				require.Error(f, f.RemoveAsset(ctx, "a", f.now))
				require.True(f, f.asset(run, "a").Withdrawn, "the history stays")
				require.Equal(f, job.Withdrawn, f.asset(run, "a").Result)
				f.pass(time.Duration(days) * 24 * time.Hour)
				_, err := f.Tick(ctx, f.now)
				require.NoError(f, err)
				if days > 90 {
					require.NotContains(f, f.refused(a), "was removed")
					_, err := f.Secrets(ctx, "a", a.key)
					require.ErrorIs(f, err, manifest.ErrUnknownAsset)
					require.Empty(f, dump(f)["removed"])
					require.Empty(f, dump(f)["removals"])
					return
				}
				first, err := f.CheckIn(ctx, a.request(f.now), f.now) // the answer is lost
				require.NoError(f, err)
				f.pass(time.Minute)
				answer := f.call(a)
				require.Equal(f, first.Manifest, answer.Manifest, "a revision is always the same bytes")
				require.Empty(f, a.orders)
				require.Contains(f, f.refused(a), `"a" was removed at`)
				a.report(job.Report{Order: order, Result: job.Withdrawn})
				_, err = f.CheckIn(ctx, a.request(f.now), f.now) // the answer is lost
				require.NoError(f, err)
				require.Empty(f, f.call(a).Manifest)
				require.Empty(f, a.unsent, "its last reports are acknowledged")
				require.Contains(f, f.refused(a), "agent enrol --again")
				_, err = f.Secrets(ctx, "a", a.key)
				require.NoError(f, err, "its refusal is authenticated (MAN-7)")
			})
		})
	}
}

// What a removed asset had begun has ended. If it reports how, the history has
// it, once, and nothing follows from it (MAN-10, JOB-19).
func TestRemovedAssetReportsHowItEnded_MAN10(t *testing.T) {
	stores(t, func(f *fixture) {
		a, run, order := f.ordered("now")
		f.follows("next", job.After{Job: "now", PerAsset: true})
		a.report(job.Report{Order: order, Progress: job.Deploying})
		f.call(a)
		require.NoError(f, f.RemoveAsset(ctx, "a", f.now))
		row := f.asset(run, "a")
		require.Equal(f, job.Failed, row.Result)
		require.Equal(f, "the asset was removed before it reported how this ended", row.Text)
		status, err := f.Run(ctx, run)
		require.NoError(f, err)
		require.Zero(f, status.NotBegun+status.Executing, "nothing stays open")

		next := f.enrol("a", "all")
		next.report(job.Report{Order: order, Result: job.Completed})
		f.call(next)
		require.Equal(f, job.Failed, f.asset(run, "a").Result, "it is not the new one's order")
		asset, err := f.Asset(ctx, "a", f.now)
		require.NoError(f, err)
		require.Contains(f, asset.LastAnomalies[0].Text, "another computer with this name")
		before := dump(f)["assets"]

		f.pass(30 * 24 * time.Hour)
		failed := []job.PatchOutcome{outcome("editor-2.0.0", job.PatchFailed, job.InstallerFailed)}
		a.report(job.Report{Order: order, Progress: job.Resumed, At: f.now})
		a.report(job.Report{Order: order, Result: job.CompletedWithFailures, At: f.now, Patches: failed})
		again := a.request(f.now)
		f.call(a)
		require.Empty(f, a.unsent)
		require.Empty(f, a.orders)
		for range 2 {
			require.Equal(f, job.CompletedWithFailures, f.asset(run, "a").Result)
			n, err := f.FailedInstalls(ctx)
			require.NoError(f, err)
			require.Equal(f, 1, n)
			_, _ = f.CheckIn(ctx, again, f.now)
		}
		require.Equal(f, before, dump(f)["assets"])
		require.Empty(f, f.runsOf("next"), "no job follows on the new computer")
		given, err := f.GivenUp(ctx, "now", 10)
		require.NoError(f, err)
		require.Empty(f, given)
	})
}

// A new computer of the same name has another key. It gets nothing of the old
// one, whose key opens nothing of its own, and the numbers that the old one
// claimed end with it (MAN-10).
func TestNewBearerOfTheName_MAN10(t *testing.T) {
	for _, held := range []manifest.Revision{0, controller.MaxRevision - 1, controller.MaxRevision} {
		stores(t, func(f *fixture) {
			f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
			old := f.enrol("a", "all")
			one := f.enable(definition("one", "editor-2.0.0"))
			f.call(old)
			in := old.request(f.now.Add(time.Second))
			if in.Held = held; held == 0 {
				in.Held = old.held
			}
			f.pass(time.Second)
			_, err := f.CheckIn(ctx, in, f.now)
			require.NoError(f, err)
			require.NoError(f, f.RemoveAsset(ctx, "a", f.now))
			f.pass(time.Minute)

			next := f.enrol("a", "all")
			require.Empty(f, next.orders)
			two := f.enable(definition("two", "player-2.0.0"))
			answer := f.call(next)
			require.NotEmpty(f, answer.Manifest)
			require.Equal(f, []string{"player-2.0.0"}, next.patches())
			require.EqualValues(f, 1, next.held, "from its own state")
			f.call(old)
			require.Empty(f, old.orders, "the old one is given nothing of the new one")
			next.report(job.Report{Order: job.MakeOrderID(two, "a"), Result: job.Completed})
			f.call(next)
			require.Equal(f, job.Completed, f.asset(two, "a").Result)
			require.Equal(f, job.Withdrawn, f.asset(one, "a").Result)
			require.NoError(f, f.RemoveAsset(ctx, "a", f.now))
			f.call(next)
			require.Empty(f, next.orders)
			require.Contains(f, f.refused(next), "was removed")
		})
	}
}

// A removed key is not taken back, under its name (MAN-10).
func TestRemovedKeyIsNotTakenBack_MAN10(t *testing.T) {
	stores(t, func(f *fixture) {
		_, err := f.AddToken(ctx, secret, controller.Token{Uses: 5}, f.now)
		require.NoError(f, err)
		_, err = f.Enrol(ctx, enrolment("a"), f.now)
		require.NoError(f, err)
		require.NoError(f, f.RemoveAsset(ctx, "a", f.now))
		_, err = f.Enrol(ctx, enrolment("a"), f.now)
		require.ErrorIs(f, err, manifest.ErrInvalid)
		require.ErrorContains(f, err, "is not taken back; enrol with a new one: agent enrol --again")
		tokens, err := f.Tokens(ctx)
		require.NoError(f, err)
		require.Equal(f, 4, tokens[0].Uses, "it costs no use of the token")
		e := enrolment("a")
		e.Key = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize)).Public().(ed25519.PublicKey)
		_, err = f.Enrol(ctx, e, f.now)
		require.NoError(f, err, "another one")
		f.pass(controller.RemovedKept)
		require.NoError(f, f.RemoveAsset(ctx, "a", f.now))
		_, err = f.Enrol(ctx, enrolment("a"), f.now)
		require.NoError(f, err, "the server does not know the key any more")
	})
}
