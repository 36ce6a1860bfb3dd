package agentsim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/agentsim"
	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// nightly is a job of a product that imports this library.
func nightly() job.Definition {
	return job.Definition{
		ID: "nightly", Name: "Nightly patches", Platform: catalog.Linux,
		Assets:   job.Assets{IncludeTags: []string{"office"}},
		Patches:  job.Patches{Query: &job.Query{}},
		Schedule: schedule.Schedule{Kind: schedule.Once, At: time.Date(2026, 3, 2, 22, 0, 0, 0, time.UTC)},
		Window:   4 * time.Hour,
		Reboot:   reboot.Policy{Deferrals: 2, Interval: 4 * time.Hour, Countdown: 15 * time.Minute},
	}
}

// The test of a product's own job: what does a user who works late see?
func ExampleTest() {
	var t agentsim.TB = printer{} // in a test, its *testing.T
	s := agentsim.Test(t, agentsim.Config{}).Job(nightly())
	s.Play(`
patch kernel-2: kernel 2.0, pinned, needs reboot
asset pc-1 tagged office has kernel 1.0
pc-1 logs in
pc-1 answers later 2 times
enable nightly
+1d      expect pc-1 nightly PendingReboot
         expect pc-1 prompts 1
+1d8h    expect pc-1 nightly Completed                 # RBT-3
         expect pc-1 reboot between +1d6h and +1d6h30m
         expect settled
`)
	fmt.Println("at", s.World().Now().Format(time.RFC3339))
	// Output: at 2026-03-03T08:00:00Z
}

// A job that does not do what its author thinks: the failure shows what happened,
// the line and the rule.
func ExampleHarness_Play() {
	d := nightly()
	d.Reboot = reboot.Policy{Suppress: true}
	agentsim.Test(printer{}, agentsim.Config{}).Job(d).Play(`
patch kernel-2: kernel 2.0, pinned, needs reboot
asset pc-1 tagged office has kernel 1.0
+21h     enable nightly
# The asset runs the new kernel in the morning. (RBT-3)
+1d6h    expect pc-1 nightly Completed`)
	// Output:
	//
	// +0s          server     save nightly
	// +0s          vendor     publishes kernel-2: kernel 2.0
	// +0s          server     catalog: kernel-2 listed
	// +21h         server     enable nightly
	// +21h9m57s    pc-1       nightly Received
	// +22h         pc-1       nightly Started
	// +22h1s       pc-1       nightly Downloading
	// +22h11s      pc-1       downloads kernel-2
	// +22h12s      pc-1       nightly Downloaded
	// +22h12s      pc-1       nightly Deploying
	// +22h42s      pc-1       installed kernel 2.0 (was 1.0)
	// +22h43s      pc-1       nightly PendingReboot
	//                         kernel-2 installed [INT-2] The file carries no signature; its checksum matches by sha256.
	//
	// Play:6: +1d6h    expect pc-1 nightly Completed: expected Completed, found PendingReboot
	//   why: the server shows nightly@20260302T220000Z/pc-1 as PendingReboot
	//   why: the last report of pc-1 about it: nightly PendingReboot, at 2026-03-02T22:00:43Z
	//   why: kernel-2 of job nightly: installed [INT-2] The file carries no signature; its checksum matches by sha256.
	//   it shows: The asset runs the new kernel in the morning. (RBT-3)
}

// An importer's own catalog, with the evidence that its files must have.
func ExampleHarness_Catalog() {
	openssl, _ := version.Parse(version.Debian, "3.0.15-1~deb12u1")
	agentsim.Test(printer{}, agentsim.Config{}).Catalog(catalog.Batch{
		Products: []catalog.Product{{ID: "openssl", Name: "openssl", Platform: catalog.Linux, Scheme: version.Debian}},
		Patches: []catalog.Patch{{ID: "openssl-3.0.15", Product: "openssl", Version: openssl, Artifacts: []catalog.Artifact{{
			Name: "openssl.deb", Availability: catalog.Pinned, URL: "https://mirror.example/openssl.deb",
			Digests: []integrity.Digest{{Algorithm: integrity.SHA256, Sum: strings.Repeat("ab", 32)}},
		}}}},
	}).Play(`
asset db-1 has openssl 3.0.14-1~deb12u1
job now: query, assets db-1, on demand
enable now
+1h      expect db-1 openssl 3.0.15-1~deb12u1       # INT-2
         vendor damages openssl-3.0.15
         asset db-2 has openssl 3.0.14-1~deb12u1
         edit now: assets db-2
+2h      expect db-2 now openssl-3.0.15 failed FileHashValidationFailed INT-2
         expect settled`)
	fmt.Println("held")
	// Output: held
}

// An importer's own signature verifier, platform and admission.
func ExampleConfig() {
	agentsim.Test(printer{}, agentsim.Config{
		// A patch waits until it is two days old.
		Admit: func(p catalog.Patch, now time.Time) string {
			if now.Sub(p.Published) < 48*time.Hour {
				return "it is younger than two days"
			}
			return ""
		},
		// One key is revoked.
		Verify: func(_ job.OrderPatch, _ int, served integrity.Signature) integrity.Signature {
			if served.Signer == "Old Key" {
				return integrity.Signature{Status: integrity.Bad, Detail: "the key was revoked"}
			}
			return served
		},
		// Every installer asks for a reboot.
		Install: func(_ job.AssetID, _ job.OrderPatch, _, to version.Version) (version.Version, execution.InstallResult) {
			return to, execution.InstallResult{Reboot: true}
		},
	}).Play(`
patch app-2: app 2.0, pinned, signed by New Key
patch tool-2: tool 2.0, pinned, signed by Old Key
asset pc-1 has app 1.0, tool 1.0
job now: query, assets pc-1, on demand
+1h      expect server missing on pc-1 nothing
+2d1h    expect server missing on pc-1 app-2 tool-2
         enable now
+2d3h    expect pc-1 now tool-2 failed FileSignatureFailed INT-1
         expect pc-1 app 2.0
         expect pc-1 reboots 1
         expect settled`)
	fmt.Println("held")
	// Output: held
}

// TestAdmissionExplained checks that a failure names the reason of the
// admission function.
func TestAdmissionExplained(t *testing.T) {
	r := &recorder{T: t}
	agentsim.Test(r, agentsim.Config{Admit: func(p catalog.Patch, _ time.Time) string { return "nothing in March" }}).Play(`
patch app-2: app 2.0, pinned
asset pc-1 has app 1.0
+1h      expect pc-1 app 2.0`)
	require.Contains(t, r.failure, "app-2 is not admitted: nothing in March")
}

// TestHarnessLead_MAN1 uses other settings of the server: it hands orders out one
// hour ahead instead of three.
func TestHarnessLead_MAN1(t *testing.T) {
	agentsim.Test(t, agentsim.Config{Lead: time.Hour}).Play(`
patch chrome-121: chrome 121.0, pinned
asset web-1 has chrome 120.0
job nightly: patches chrome-121, assets web-1, once at +6h
enable nightly
+4h59m   expect web-1 nightly nothing
+5h15m   expect web-1 nightly Received
+7h      expect web-1 nightly Completed`)
}

// printer prints what a test would print, and goes on.
type printer struct{}

func (printer) Helper()                           {}
func (printer) Logf(format string, args ...any)   { fmt.Printf(format+"\n", args...) }
func (printer) Fatalf(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// recorder keeps the first failure.
type recorder struct {
	*testing.T
	failure string
}

func (r *recorder) Logf(string, ...any) {}
func (r *recorder) Fatalf(format string, args ...any) {
	if r.failure == "" {
		r.failure = fmt.Sprintf(format, args...)
	}
}

func TestHarnessFails(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(t agentsim.TB)
		want string
	}{
		"settings": {func(t agentsim.TB) { agentsim.Test(t, agentsim.Config{Sync: time.Second}) }, "is not at least 1m0s"},
		"job":      {func(t agentsim.TB) { agentsim.Test(t, agentsim.Config{}).Job(job.Definition{ID: "x y"}) }, "x y"},
		"catalog": {func(t agentsim.TB) {
			agentsim.Test(t, agentsim.Config{}).Catalog(catalog.Batch{Products: []catalog.Product{{ID: "a"}}})
		}, "rejected"},
		"line":      {func(t agentsim.TB) { agentsim.Test(t, agentsim.Config{}).Play("\nexpect x") }, "Play:2"},
		"refusal":   {func(t agentsim.TB) { agentsim.Test(t, agentsim.Config{}).Play("enable x") }, "no line expects it"},
		"bad time":  {func(t agentsim.TB) { agentsim.Test(t, agentsim.Config{}).Play("+1parsec expect settled") }, "is not a duration"},
		"the clock": {func(t agentsim.TB) { agentsim.Test(t, agentsim.Config{}).Play("clock 2026-03-02T00:00:00Z") }, "comes once"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &recorder{T: t}
			c.do(r)
			require.Contains(t, r.failure, c.want)
		})
	}
}
