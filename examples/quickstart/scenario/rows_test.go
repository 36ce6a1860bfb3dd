package scenario

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/examples/quickstart/show"
	"github.com/patchpolicy/patchpolicy/examples/quickstart/vendor"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

// The comparisons decide the program's exit code. Each one is shown to find a
// difference.

func TestRebootsAreCountedOnTheDiskAndMustComeLast_RBT1(t *testing.T) {
	one := Case{Asset: "a", Reboots: 1, Offers: []Offer{{Release: vendor.Release{Reboot: true}}, {}}}
	none := Case{Asset: "a"}
	for _, c := range []struct {
		name     string
		expect   Case
		reported int
		journal  []string
		unlike   string
		shown    bool
	}{
		{"one, at the end", one, 1, []string{"installed a 1", "installed b 1", "rebooted"}, "", true},
		{"none, as expected", none, 0, []string{"installed a 1"}, "", false},
		{"none, though expected", one, 0, []string{"installed a 1"}, "reboots is 1, not 0; reported reboots is 1, not 0", true},
		{"one, though none expected", none, 1, []string{"rebooted"}, "reboots is 0, not 1; reported reboots is 0, not 1", true},
		{"two", one, 1, []string{"installed a 1", "rebooted", "rebooted"}, "reboots is 1, not 2", true},
		{"between two patches", one, 1, []string{"installed a 1", "rebooted", "installed b 1"}, "installed after it is 0, not 1", true},
		{"reported and not done", one, 1, nil, "reboots is 1, not 0", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			row, shown := rebootRow(c.expect, controller.RunAsset{Reboots: c.reported}, c.journal)
			require.Equal(t, c.unlike, row.Unlike)
			require.Equal(t, c.shown, shown)
		})
	}
}

func TestEveryPartOfAnOutcomeIsCompared(t *testing.T) {
	v := func(text string) version.Version {
		t.Helper()
		parsed, err := version.Parse(version.Semver, text)
		require.NoError(t, err)
		return parsed
	}
	expect := Case{Asset: "a", Result: job.Failed}
	offer := Offer{Have: "1.0.0", Release: vendor.Release{Product: "reader", Version: "1.1.0"},
		Status: job.PatchFailed, Code: job.InstallerFailed, Rule: "JOB-16", Now: "1.0.0"}
	have := func() (controller.RunAsset, job.PatchOutcome) {
		return controller.RunAsset{Asset: "a", Result: job.Failed},
			job.PatchOutcome{Status: job.PatchFailed, Code: job.InstallerFailed, Rule: "JOB-16", From: v("1.0.0"), To: v("1.1.0")}
	}
	asset, outcome := have()
	row := offerRow(expect, offer, asset, outcome, "1.0.0")
	require.Equal(t, show.Row{Asset: "a", Patch: "reader", From: "1.0.0", To: "1.1.0", Result: "Failed", Reason: "9 InstallerFailed: ", Rule: "JOB-16"}, row)

	for want, change := range map[string]func(*controller.RunAsset, *job.PatchOutcome, *string){
		"result is Failed, not Completed":              func(a *controller.RunAsset, _ *job.PatchOutcome, _ *string) { a.Result = job.Completed },
		"patch is failed, not succeeded":               func(_ *controller.RunAsset, o *job.PatchOutcome, _ *string) { o.Status = job.Succeeded },
		"code is InstallerFailed, not PatchURLMissing": func(_ *controller.RunAsset, o *job.PatchOutcome, _ *string) { o.Code = job.PatchURLMissing },
		"rule is JOB-16, not nothing":                  func(_ *controller.RunAsset, o *job.PatchOutcome, _ *string) { o.Rule = "" },
		"from is 1.0.0, not 0.9.0":                     func(_ *controller.RunAsset, o *job.PatchOutcome, _ *string) { o.From = v("0.9.0") },
		"on the disk is 1.0.0, not 1.1.0":              func(_ *controller.RunAsset, _ *job.PatchOutcome, now *string) { *now = "1.1.0" },
	} {
		asset, outcome := have()
		now := "1.0.0"
		change(&asset, &outcome, &now)
		require.Equal(t, want, offerRow(expect, offer, asset, outcome, now).Unlike)
	}
}

func TestPatchesNotOfferedMustBeLeftOut_CAT3(t *testing.T) {
	expect := Case{Asset: "a", Offers: []Offer{{Release: vendor.Release{Product: "reader", Version: "1.1.0"}}}}
	have := controller.RunAsset{Patches: []job.PatchOutcome{
		{Patch: "reader-1.1.0", Status: job.Succeeded},
		{Patch: "office-6.0.0", Status: job.LeftOut, Rule: "CAT-3"},
		{Patch: "chat-8.1.0", Status: job.Succeeded, Rule: "CAT-3"},
		{Patch: "runtime-7.0.2", Status: job.LeftOut, Rule: "CAT-11"},
	}}
	require.Equal(t, []string{"chat-8.1.0", "runtime-7.0.2"}, others(expect, have))
}

func TestTheStoryIsWhatItPromises(t *testing.T) {
	require.Len(t, Cases(), 9)
	assets, patches := map[job.AssetID]bool{}, map[catalog.PatchID]bool{}
	count := 0
	for _, c := range Cases() {
		assets[c.Asset] = true
		for _, o := range c.Offers {
			patches[o.Release.ID()] = true
			count++
		}
	}
	for _, c := range Cancels() {
		require.True(t, assets[c.Asset])
		patches[c.Release.ID()] = true
		count++
	}
	require.Len(t, assets, 9, "each asset once")
	require.Len(t, patches, count, "each patch once")
}
