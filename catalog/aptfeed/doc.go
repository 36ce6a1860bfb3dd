// Package aptfeed makes catalog feeds of real Debian and Ubuntu repositories, as an apt configuration names them.
//
//	feeds, err := aptfeed.FromConfig(aptfeed.Config{CacheDir: "/var/cache/patchpolicy"}) // fetches by itself
//	feeds, err := aptfeed.FromLists(aptfeed.Config{Root: "/"})                           // reads what apt downloaded
//
// Each suite of each repository is one [Feed], so that each has its own health. Both functions read sources.list and
// sources.list.d, one-line and deb822 entries (sources.list(5)), with http, https, file and copy addresses, arch,
// signed-by (files, fingerprints, a key block in place) and by-hash, flat repositories included. What apt would do and this
// package does not is never passed over: a [Problem] names file and line, and an entry that cannot be used becomes a feed
// whose every fetch fails with the reason. A proxy comes from the environment (HTTP_PROXY and its kin), not from apt's
// configuration.
//
// # Trust
//
// A feed believes nothing that does not hang on a signature:
//
//		InRelease, or Release with Release.gpg     signed by a key in signed-by, else in trusted.gpg and trusted.gpg.d
//		 └─ SHA-256 and size of Packages           under its by-hash address where offered, as xz, gz or plain
//		     └─ SHA-256 and size of each .deb      these the patch carries, and the agent checks them (INT-2)
//
//	  - One good signature by a trusted key suffices; others may be unknown, expired or weak, but one by a trusted key that
//	    does not hold refuses the file. Only the text inside the signed block is read, and a file with anything before or
//	    after it is refused. Not signed, signed by an unknown key, and a bad signature are three different [Cause]s. SHA-1 and
//	    MD5 signatures, DSA keys and RSA keys under 2048 bits prove nothing; integrity/openpgp judges all this.
//	  - Valid-Until is honoured at every fetch, even when nothing new came, whatever apt's Check-Valid-Until says; so is Date,
//	    which may not lie in the future. [Config].IgnoreValidUntil is the one exception. A Release file older than the last one
//	    is refused, and so is one of another suite than was asked for.
//	  - trusted=yes, allow-insecure and the like never switch a check off.
//	  - What is fetched is bounded by the size that the signed file promises, before it is unpacked and after, and digests are
//	    compared before anything is unpacked. The downloaded lists, which apt packs anew, are compared unpacked.
//
// A repository that fails any of this gives nothing at all, and the catalog keeps its last good patches (CAT-1).
//
// # Patches
//
//   - The product is "deb/<channel>/<architecture>/<package>" (debian.ProductID), the patch that, "=" and the version. A package of
//     architecture "all" is a product of every wanted architecture.
//   - The channel is the release's codename, which is VERSION_CODENAME of the system's os-release unless Config says
//     otherwise; security and updates suites share it, and so do other vendors' repositories. A suite of another release of the
//     same distribution, and one that apt installs from only on request (NotAutomatic: backports), is a channel of its own. Its
//     versions are newer, and must neither reach this release's packages nor make their patches VersionNotDownloadable (CAT-6).
//   - The artifact is LatestOnly (CAT-5): a suite keeps only its newest version, and a vendor deletes the file of the one
//     before. Several versions in one list are patches of their own, of which the newest is deployable (CAT-6).
//   - Published is set for patches that appeared while the feed was being read: to the Date of the Release file that first
//     listed them (CAT-2). What was there at the first fetch is of unknown age and has none.
//   - A build that is in several suites is given by the first suite of the configuration that lists it; if that drops it, the
//     next one takes over at its next fetch, unchanged itself or not. The other suites' copy is left out silently if its digest
//     is the same, and named among the rejected records if it is not.
//   - A build that any suite of the configuration whose name ends in "-security" lists is of class Security, whichever suite
//     gives it; a suite that comes before that one in the configuration says so from its second fetch on. Of others no class
//     is known.
//   - Phased updates (Ubuntu) are patches like others: which asset is in which phase only the asset can say.
//   - Bad records are left out and told with every reason (CAT-16). Files are named by their base name; a path that leaves the
//     repository is a bad record.
//
// # What it costs
//
// A list is held packed while it is read, and parsed as a stream. A fetch with nothing new is one conditional request a
// suite; a list whose digest did not change is not fetched again. Debian's main suite (63,000 packages) takes about a second
// and some 60 MB that stay. With Config.CacheDir a restart fetches nothing that it had; what is kept there is verified like what is
// fetched, and a folder that cannot be used only costs the saving.
//
// Not built yet: lists compressed with bzip2, lzma or zstd, which no current repository offers alone; pdiffs; mirror lists;
// credentials (auth.conf); CVE ids and severities, which other feeds bring.
package aptfeed
