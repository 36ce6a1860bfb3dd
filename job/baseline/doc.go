// Package baseline says whether a patch may be offered to an asset yet.
//
// A [Baseline] has rules, each with a delay, and lists of patches that are
// approved or denied by id. [Baseline.Decide] takes one patch and the fixes of
// its line ([Line]), and returns Approved, Waiting, Denied or NoRule, with the
// rule that decided and a sentence. [Parse] reads a baseline from JSON.
//
// Nothing here is stored. A decision is a function of the dates of publication,
// which the catalog keeps. The package reads no clock, and every function is
// safe for concurrent use.
//
// # Rules
//
//   - APR-1. A baseline is an ordered list of rules (class, severity at least,
//     product, vendor, CVE, exploited; delay) and two lists, approved and
//     denied. Its answer for a patch on an asset at a time is Approved, Waiting
//     until an instant, Denied or NoRule. It names the rule that decided. A
//     patch with NoRule is not offered. The first rule that matches decides. A
//     denial always beats an approval, whatever the order of rules.
//   - APR-2. A delay counts by the line. Take the fixes of the product's line
//     that are newer than the asset's version and match the same rule, listed
//     now or formerly. The delay counts from the oldest of them. Once the
//     oldest is N days old, the newest deployable patch is approved. So no fix
//     waits longer than N days, however often the vendor releases. A rule can
//     also ask for a minimum age of the newest version, but only together with
//     a maximum wait. The maximum wait counts from the oldest fix too. A day is
//     24 hours.
//   - APR-3. A patch is approved at once if it fixes what is known to be
//     exploited, or if it is due by the time its delay ends. It can still be
//     denied. NoBypass switches this off.
//   - APR-4. If the vendor states no date of publication, or one that is after
//     the first listing, the first listing counts. An unknown severity does not
//     match "severity at least". A rule that can never match is found when the
//     baseline is validated.
//   - APR-5. An importer can add an admission function of its own, with its own
//     reason codes ([Admission]). The function is pure. A refusal is a denial,
//     and its reason is reported like those of this package.
package baseline
