package scenario

import (
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/examples/quickstart/vendor"
	"github.com/patchpolicy/patchpolicy/job"
)

// Case is one asset: what is installed, what the vendor offers, and the
// expected result.
type Case struct {
	Asset   job.AssetID
	Offers  []Offer
	Result  job.Result // of the asset's order
	Reboots int        // of the asset, after its last installation
}

// Offer is one patch for one product of the asset, and the expected result.
type Offer struct {
	Have    string // the installed version; empty: the product is not installed
	Release vendor.Release
	Tamper  bool   // an attacker changes the file after it was listed
	MovesOn string // version that the vendor serves instead after this one was listed; empty: none

	Status job.PatchStatus
	Code   job.Code
	Rule   string
	Now    string // the installed version at the end; empty: the product is not installed
}

// Cancel is a job for one asset that is cancelled. Its offer expects only Now.
type Cancel struct {
	Asset job.AssetID
	Job   job.ID
	Offer
	In      time.Duration // time from enabling the job to its start; zero: at once
	TooLate job.Stage     // the cancel comes in this stage and is refused; zero: it comes before the start
	Result  job.Result
}

// Cases returns the nine assets.
func Cases() []Case {
	return []Case{
		{Asset: "signed", Result: job.Completed, Offers: []Offer{{
			Have: "1.0.0", Release: vendor.Release{Product: "reader", Version: "1.1.0", Signed: true},
			Status: job.Succeeded, Rule: "INT-1", Now: "1.1.0",
		}}},
		{Asset: "unsigned", Result: job.Completed, Offers: []Offer{{
			Have: "2.0.0", Release: vendor.Release{Product: "editor", Version: "2.1.0"},
			Status: job.Succeeded, Rule: "INT-2", Now: "2.1.0",
		}}},
		{Asset: "bad-signature", Result: job.Failed, Offers: []Offer{{
			Have: "3.0.0", Release: vendor.Release{Product: "player", Version: "3.1.0", Signed: true}, Tamper: true,
			Status: job.PatchFailed, Code: job.FileSignatureFailed, Rule: "INT-1", Now: "3.0.0",
		}}},
		{Asset: "bad-checksum", Result: job.Failed, Offers: []Offer{{
			Have: "4.0.0", Release: vendor.Release{Product: "viewer", Version: "4.1.0"}, Tamper: true,
			Status: job.PatchFailed, Code: job.FileHashValidationFailed, Rule: "INT-2", Now: "4.0.0",
		}}},
		{Asset: "newer", Result: job.NotApplicable, Offers: []Offer{{
			Have: "5.2.0", Release: vendor.Release{Product: "browser", Version: "5.1.0", Signed: true},
			Status: job.LeftOut, Rule: "CAT-3", Now: "5.2.0",
		}}},
		{Asset: "absent", Result: job.NotApplicable, Offers: []Offer{{
			Release: vendor.Release{Product: "office", Version: "6.0.0", Signed: true},
			Status:  job.LeftOut, Rule: "CAT-3",
		}}},
		{Asset: "end-of-life", Result: job.NotApplicable, Offers: []Offer{{
			Have: "7.0.1", Release: vendor.Release{Product: "runtime", Version: "7.0.2", Signed: true, EOL: catalog.EOLInstant(2024, time.June, 30)},
			Status: job.LeftOut, Rule: "CAT-11", Now: "7.0.1",
		}}},
		{Asset: "moved-on", Result: job.Completed, Offers: []Offer{{
			Have: "8.0.0", Release: vendor.Release{Product: "chat", Version: "8.1.0", Signed: true, LatestOnly: true}, MovesOn: "8.2.0",
			Status: job.Succeeded, Rule: "CAT-7", Now: "8.2.0",
		}}},
		{Asset: "reboots-once", Result: job.Completed, Reboots: 1, Offers: []Offer{
			{
				Have: "9.0.0", Release: vendor.Release{Product: "kernel", Version: "9.1.0", Signed: true, Reboot: true, Takes: time.Second / 2},
				Status: job.Succeeded, Rule: "INT-1", Now: "9.1.0",
			}, {
				Have: "1.0.0", Release: vendor.Release{Product: "driver", Version: "1.1.0", Signed: true, Reboot: true, Takes: time.Second / 2},
				Status: job.Succeeded, Rule: "INT-1", Now: "1.1.0",
			}, {
				Have: "2.0.0", Release: vendor.Release{Product: "shell", Version: "2.1.0", Takes: time.Second / 2},
				Status: job.Succeeded, Rule: "INT-2", Now: "2.1.0",
			},
		}},
	}
}

// Cancels returns the two cancels: one in time, and one too late.
func Cancels() []Cancel {
	return []Cancel{
		{Asset: "signed", Job: "in-an-hour", In: time.Hour, Result: job.Cancelled, Offer: Offer{
			Have: "1.0.0", Release: vendor.Release{Product: "fonts", Version: "1.1.0", Signed: true}, Now: "1.0.0",
		}},
		{Asset: "unsigned", Job: "at-once", TooLate: job.StageDeploy, Result: job.Completed, Offer: Offer{
			Have: "1.0.0", Release: vendor.Release{Product: "codecs", Version: "1.1.0", Signed: true}, Now: "1.1.0",
		}},
	}
}
