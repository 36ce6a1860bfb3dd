package controller_test

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/manifest"
)

func TestEnrol(t *testing.T) {
	stores(t, func(f *fixture) {
		token, err := f.AddToken(ctx, secret, controller.Token{Name: "lab", Uses: 2, Tags: []string{"own", "lab"}, Expires: start.Add(time.Hour)}, f.now)
		require.NoError(f, err)
		require.NotContains(f, token.ID, secret)
		long, err := f.AddToken(ctx, secret+" of another", controller.Token{Name: strings.Repeat("n", ledger.MaxName+1)}, f.now)
		require.NoError(f, err)
		require.LessOrEqual(f, len(long.Name), ledger.MaxName)
		for _, table := range tables {
			for k, v := range dump(f)[table] {
				require.NotContains(f, k+v, secret, "the secret is not stored")
			}
		}
		e := enrolment("a")
		got, err := f.Enrol(ctx, e, f.now)
		require.NoError(f, err)
		require.Equal(f, manifest.Enrolled{Asset: "a", Every: 15 * time.Minute, Format: manifest.Format}, got)
		status, err := f.Asset(ctx, "a", f.now)
		require.NoError(f, err)
		require.Equal(f, []string{"lab", "own"}, status.Tags)
		_, err = f.Secrets(ctx, "a", manifest.Fingerprint(e.Key))
		require.NoError(f, err)
		_, err = f.Secrets(ctx, "a", "sha256:00")
		require.ErrorIs(f, err, manifest.ErrUnknownAsset, "another key")

		again, err := f.Enrol(ctx, e, f.now)
		require.NoError(f, err)
		require.Equal(f, got, again, "the first answer may have been lost")
		tokens, err := f.Tokens(ctx)
		require.NoError(f, err)
		require.Equal(f, 1, tokens[0].Uses, "used once")

		thief := e
		thief.Key = ed25519.NewKeyFromSeed([]byte(strings.Repeat("x", ed25519.SeedSize))).Public().(ed25519.PublicKey)
		_, err = f.Enrol(ctx, thief, f.now)
		require.ErrorIs(f, err, manifest.ErrAssetExists)
		_, err = f.Enrol(ctx, enrolment("b"), f.now)
		require.NoError(f, err)
		_, err = f.Enrol(ctx, enrolment("c"), f.now)
		require.ErrorIs(f, err, manifest.ErrBadToken, "used up")
		_, err = f.Enrol(ctx, e, f.now.Add(2*time.Hour))
		require.NoError(f, err, "still answered the same")
		_, err = f.AddToken(ctx, secret, controller.Token{Expires: start.Add(time.Hour)}, f.now)
		require.NoError(f, err)
		_, err = f.Enrol(ctx, enrolment("c"), start.Add(time.Hour))
		require.ErrorIs(f, err, manifest.ErrBadToken, "expired at that very instant")
		require.NoError(f, f.RemoveToken(ctx, token.ID, f.now))
		_, err = f.Enrol(ctx, enrolment("c"), f.now)
		require.ErrorIs(f, err, manifest.ErrBadToken)
		require.Error(f, f.RemoveToken(ctx, token.ID, f.now))
		_, err = f.Enrol(ctx, manifest.Enrolment{}, f.now)
		require.ErrorIs(f, err, manifest.ErrInvalid)
	})
}

func TestTokenBounds(t *testing.T) {
	stores(t, func(f *fixture) {
		for name, c := range map[string]struct {
			secret string
			token  controller.Token
			ok     bool
		}{
			"shortest":      {strings.Repeat("s", 22), controller.Token{}, true},
			"short":         {strings.Repeat("s", 21), controller.Token{}, false},
			"longest":       {strings.Repeat("s", manifest.MaxToken), controller.Token{}, true},
			"long":          {strings.Repeat("s", manifest.MaxToken+1), controller.Token{}, false},
			"most uses":     {secret, controller.Token{Uses: controller.MaxTokenUses}, true},
			"too many uses": {secret, controller.Token{Uses: controller.MaxTokenUses + 1}, false},
			"negative uses": {secret, controller.Token{Uses: -1}, false},
			"past":          {secret, controller.Token{Expires: start}, false},
			"a pattern":     {secret, controller.Token{Names: "lab-[0-9]*"}, true},
			"bad pattern":   {secret, controller.Token{Names: "lab-["}, false},
			"never fits":    {secret, controller.Token{Names: "lab/*"}, false},
			"long pattern":  {secret, controller.Token{Names: strings.Repeat("*", manifest.MaxWord+1)}, false},
			"no text":       {secret, controller.Token{Names: "\xff*"}, false},
			"bad tag":       {secret, controller.Token{Tags: []string{"a b"}}, false},
		} {
			_, err := f.AddToken(ctx, c.secret, c.token, f.now)
			require.Equal(f, c.ok, err == nil, "%s: %v", name, err)
			if err != nil {
				require.NotContains(f, err.Error(), c.secret, "a secret is not repeated")
			}
		}
	})
}

// A token says under which names assets enrol with it, and how they are tagged.
// A wrong name costs no use, and the refusal does not show the pattern.
func TestTokenSaysNames(t *testing.T) {
	stores(t, func(f *fixture) {
		_, err := f.AddToken(ctx, secret, controller.Token{Names: "lab-?*", Tags: []string{"lab"}}, f.now)
		require.NoError(f, err)
		for _, name := range []job.AssetID{"domain-controllers", "lab-", "xlab-1", "LAB-1", "lab"} {
			_, err = f.Enrol(ctx, enrolment(name), f.now)
			require.ErrorIs(f, err, manifest.ErrBadToken)
			require.ErrorContains(f, err, string(name))
			require.NotContains(f, err.Error(), "?")
		}
		e := enrolment("lab-1")
		_, err = f.Enrol(ctx, e, f.now)
		require.NoError(f, err)
		status, err := f.Asset(ctx, "lab-1", f.now)
		require.NoError(f, err)
		require.Equal(f, []string{"lab"}, status.Tags)
		_, err = f.Enrol(ctx, enrolment("lab-2"), f.now)
		require.ErrorIs(f, err, manifest.ErrBadToken, "used up")
		_, err = f.AddToken(ctx, secret, controller.Token{Names: "dc-*", Tags: []string{"dc"}}, f.now)
		require.NoError(f, err)
		_, err = f.Enrol(ctx, e, f.now)
		require.NoError(f, err, "the same enrolment is answered the same")
		status, err = f.Asset(ctx, "lab-1", f.now)
		require.NoError(f, err)
		require.Equal(f, []string{"lab"}, status.Tags)
	})
}

// What a removed asset had begun is nobody's: it waits for no word any more,
// and is not given to the next of its name.
func TestRemovedAssetLeavesNothingOpen(t *testing.T) {
	stores(t, func(f *fixture) {
		a, run, order := f.ordered("now")
		a.report(job.Report{Order: order, Progress: job.Started})
		f.call(a)
		_, err := f.CancelRun(ctx, run, f.now)
		require.NoError(f, err)
		a.report(job.Report{Order: order, TooLate: job.StageDeploy})
		a.report(job.Report{Order: order, Result: job.PendingReboot})
		f.call(a)
		require.NoError(f, f.RemoveAsset(ctx, "a", f.now))
		reboots, err := f.PendingReboots(ctx, 10)
		require.NoError(f, err)
		require.Empty(f, reboots)
		cancels, err := f.PendingCancels(ctx, 10)
		require.NoError(f, err)
		require.Empty(f, cancels)
		next := f.enrol("a", "all")
		f.call(next)
		require.Empty(f, next.orders)
	})
}

// An order was withdrawn after the asset had begun it, and waits for a reboot.
// Removed, the asset is waited for no more, and the next of its name needs no
// reboot (JOB-5).
func TestRemovedAssetThatHadBegunWhatWasWithdrawn_JOB5(t *testing.T) {
	stores(t, func(f *fixture) {
		a, run, order := f.ordered("now")
		require.NoError(f, f.DisableJob(ctx, "now", f.now))
		a.report(job.Report{Order: order, Progress: job.Started}) // before the withdrawal came
		a.report(job.Report{Order: order, Result: job.PendingReboot})
		f.call(a)
		reboots, err := f.PendingReboots(ctx, 10)
		require.NoError(f, err)
		require.Len(f, reboots, 1)
		require.NoError(f, f.RemoveAsset(ctx, "a", f.now))
		reboots, err = f.PendingReboots(ctx, 10)
		require.NoError(f, err)
		require.Empty(f, reboots)
		require.Contains(f, f.asset(run, "a").Text, "the asset was removed")
		next := f.enrol("a", "all")
		f.call(next)
		require.Empty(f, next.orders)
		status, err := f.Asset(ctx, "a", f.now)
		require.NoError(f, err)
		require.False(f, status.NeedsReboot)
	})
}

// An asset is removed, and one of the same name enrols. It gets the orders of
// jobs that are made from then on, with revisions of its own. What the other
// one left is not its own, and has ended (MAN-10).
func TestEnrolledAgainUnderTheSameName_MAN10(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a := f.enrol("a", "all")
		runs := map[string]job.RunID{}
		for _, id := range []string{"queued", "begun", "ended", "marked"} {
			runs[id] = f.enable(definition(job.ID(id), "editor-2.0.0"))
		}
		f.call(a)
		runs["fresh"] = f.enable(definition("fresh", "editor-2.0.0"))
		a.report(job.Report{Order: job.MakeOrderID(runs["begun"], "a"), Progress: job.Started})
		a.report(job.Report{Order: job.MakeOrderID(runs["ended"], "a"), Result: job.Failed, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.PatchFailed, 9)}})
		f.call(a)
		runs["unsealed"] = f.enable(definition("unsealed", "editor-2.0.0"))
		_, err := f.CancelRun(ctx, runs["marked"], f.now)
		require.NoError(f, err)
		require.NoError(f, f.RemoveAsset(ctx, "a", f.now))
		for id, want := range map[string]string{
			"queued": "ended Withdrawn", "begun": "ended Failed", "ended": "ended Failed", "marked": "ended Withdrawn", "fresh": "ended Withdrawn", "unsealed": "ended Withdrawn",
		} {
			require.Equal(f, want, stands(f.asset(runs[id], "a")), id)
		}
		for _, table := range []controller.Table{"live", "queue", "unheard", "cancels", "reboots", "assets", "seen", "heard", "reports", "revisions", "inventories", "inventory"} {
			require.Empty(f, dump(f)[table], table)
		}
		list, err := f.Assets(ctx, "", 10, f.now)
		require.NoError(f, err)
		require.Empty(f, list)

		next := f.enrolOnly("a", "all")
		next.install("player", "1.0.0")
		f.call(next)
		require.Empty(f, next.orders)
		run := f.enable(definition("new", "player-2.0.0"))
		f.call(next)
		require.Equal(f, []string{"player-2.0.0"}, next.patches())
		next.report(job.Report{Order: job.MakeOrderID(run, "a"), Result: job.Completed})
		f.call(next)
		require.Equal(f, job.Completed, f.asset(run, "a").Result)
		n, err := f.FailedInstalls(ctx)
		require.NoError(f, err)
		require.Equal(f, 1, n, "history stays (RPT-1)")
		status, err := f.Asset(ctx, "a", f.now)
		require.NoError(f, err)
		require.Zero(f, status.AnomalyCount)
	})
}

func TestTagBounds(t *testing.T) {
	stores(t, func(f *fixture) {
		f.enrol("a")
		tags := make([]string, manifest.MaxTags+1)
		for i := range tags {
			tags[i] = strings.Repeat("t", i+1)
		}
		require.NoError(f, f.TagAsset(ctx, "a", tags[:manifest.MaxTags], f.now))
		require.Error(f, f.TagAsset(ctx, "a", tags, f.now))
		require.Error(f, f.TagAsset(ctx, "a", []string{""}, f.now))
		require.Error(f, f.TagAsset(ctx, "unknown", []string{"x"}, f.now))
		tags = []string{"b", "a", "b"}
		require.NoError(f, f.TagAsset(ctx, "a", tags, f.now))
		require.Equal(f, []string{"b", "a", "b"}, tags, "they are the caller's")
		status, err := f.Asset(ctx, "a", f.now)
		require.NoError(f, err)
		require.Equal(f, []string{"a", "b"}, status.Tags)
	})
}

func TestConfig(t *testing.T) {
	bad := controller.Config{Lifetime: time.Hour, Lead: 31 * 24 * time.Hour, Every: time.Hour}
	_, err := controller.New(nil, bad)
	var problems *job.Invalid
	require.ErrorAs(t, err, &problems)
	require.Len(t, problems.Problems, 5, "%v", problems)
	c := config()
	c.Exchange = []*ecdh.PrivateKey{nil}
	require.ErrorContains(t, c.Validate(), "exchange[0]: is missing")
	for _, c := range []struct {
		change func(*controller.Config)
		ok     bool
	}{
		{func(c *controller.Config) { c.Lifetime = manifest.RenewBefore }, false},
		{func(c *controller.Config) { c.Lifetime = manifest.RenewBefore + 1 }, true},
		{func(c *controller.Config) { c.Lifetime = manifest.MaxLifetime }, true},
		{func(c *controller.Config) { c.Lifetime = manifest.MaxLifetime + 1 }, false},
		{func(c *controller.Config) { c.Lead = 30 * 24 * time.Hour }, true},
		{func(c *controller.Config) { c.Lead = 30*24*time.Hour + 1 }, false},
		{func(c *controller.Config) { c.Every = 22 * time.Minute }, true},
		{func(c *controller.Config) { c.Every = 22*time.Minute + 1 }, false},
		{func(c *controller.Config) { c.Every = -1 }, false},
	} {
		config := config()
		c.change(&config)
		require.Equal(t, c.ok, config.Validate() == nil, "%+v", config)
	}
	full := config().WithDefaults()
	require.Equal(t, manifest.Lead, full.Lead)
	require.NoError(t, full.Validate())
}
