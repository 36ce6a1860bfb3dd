// Package baseline says whether a patch may be offered to an asset yet.
//
// A [Baseline] has rules, each with a delay, and lists of patches that are
// approved or denied by id. [Baseline.Decide] takes one patch and the fixes of
// its line ([Line]), and returns Approved, Waiting, Denied or NoRule, with the
// rule that decided and a sentence. [Parse] reads a baseline from JSON.
//
// Nothing here is stored: a decision is a function of what was published when,
// which the catalog remembers. The package reads no clock, and every function is
// safe for concurrent use.
//
// # Rules
//
//   - APR-1. A baseline is an ordered list of rules (class, severity at least,
//     product, vendor, CVE, exploited; delay) and two lists, approved and
//     denied. Its answer for a patch on an asset at a time is Approved,
//     Waiting until an instant, Denied, or NoRule, which is not offered, with
//     the rule that decided. The first rule that matches decides. A denial
//     always beats an approval, whatever the order of rules.
//   - APR-2. A delay counts by the line. It counts from the oldest of the fixes
//     of the product's line that are newer than the asset's version and that
//     the same rule is about, listed now or formerly. If that one is N days
//     old, the newest deployable patch is approved. So no fix waits longer than
//     N days, however often the vendor releases. The newest version itself can
//     be asked to have a minimum age, but only together with a maximum wait,
//     which also counts from the oldest. A day is 24 hours.
//   - APR-3. A patch that fixes what is known to be exploited, or that is due no
//     later than the delay would allow it, is approved at once. It can still be
//     denied. NoBypass switches this off.
//   - APR-4. If the vendor states no date of publication, or one that is after
//     the first listing, the first listing counts. An unknown severity meets no
//     "at least". A rule that can never match is found when the baseline is
//     validated.
//   - APR-5. An importer can add an admission function of its own, which is
//     pure, with a reason code of its own ([Admission]). Its refusal is a
//     denial, and its reason travels like those of this package.
package baseline
