// Package aptfeed makes catalog feeds of real Debian and Ubuntu repositories, as an apt configuration names them.
//
//	feeds, err := aptfeed.FromConfig(aptfeed.Config{CacheDir: "/var/cache/patchpolicy"}) // fetches by itself
//	feeds, err := aptfeed.FromLists(aptfeed.Config{Root: "/"})                           // reads what apt downloaded
//
// Each suite of each repository is one [Feed], so that each has its own health. Both functions read
// sources.list and sources.list.d, one-line and deb822 entries (sources.list(5)), as apt reads
// them: quotes, $(ARCH), the last of repeated options, by-hash, flat repositories, signed-by with
// files, fingerprints and a key block in place. [FromConfig] fetches over http and https and reads
// file and copy addresses; [FromLists] reads whatever apt has downloaded, by whatever transport.
// What apt would do and this package does not is never passed over: a [Problem] names file and
// line, and an entry that cannot be used becomes a feed whose every fetch fails with the reason. A
// proxy comes from the environment (HTTP_PROXY and its kin), not from apt's configuration.
//
// # Trust
//
// A feed believes nothing that does not hang on a signature:
//
//		InRelease, or Release with Release.gpg     signed by a key in signed-by, else in trusted.gpg and trusted.gpg.d
//		 └─ digest and size of Packages            under its by-hash address where offered
//		     └─ digest and size of each .deb       these the patch carries, and the agent checks them (INT-2)
//
//	  - One good signature by a trusted key suffices; others may be unknown, expired or weak, but one by a trusted key that
//	    does not hold refuses the file. Only the text inside the signed block is read, and a file with anything before or
//	    after it is refused. Not signed, signed by an unknown key, and a bad signature are three different [Cause]s. SHA-1 and
//	    MD5 signatures, DSA keys and RSA keys under 2048 bits prove nothing; integrity/openpgp judges all this.
//	  - A keyring that is missing, empty, unreadable, a web page or a keybox, or whose name does not fit its form (.gpg is
//	    binary, .asc armored), is a [Keyring] failure that says what to do. Of trusted.gpg.d, files that are not needed may be
//	    anything.
//	  - SHA256 digests are asked, else SHA512 ones, in the Release file and in lists (INT-7).
//	  - Valid-Until is honoured at every fetch, even when nothing new came, whatever apt's Check-Valid-Until says; so is Date,
//	    which may not be in the future. [Config].IgnoreValidUntil is the one exception. Dates are read as apt reads them: a Date
//	    that is missing or in another zone is noted, and such a Valid-Until refused.
//	  - The batch carries the Date, by which the catalog refuses a Release file older than the newest one that it took, and how
//	    old it may be before the feed is stale: [Config].MaxAge, or the entry's valid-until-max in seconds (CAT-2).
//	  - A Release file of another suite than was asked for is noted, as apt does; x-known-suite=NAME in the entry, which apt
//	    ignores, says that this is known.
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
//   - The channel is what debian.Release.Channel makes of the Release file, whatever machine this
//     runs on. The batch claims the ids of its channel and no others; its authority is the Origin
//     together with the keyring as the entry names it, so that a distribution's suites are one
//     authority, also when its keys are renewed (CAT-17). The vendor is the Origin.
//   - The artifact is Pinned: a repository serves every version that it lists, each under an
//     address of its own (CAT-6). One whose repository only apt can reach is Repository, without a
//     URL.
//   - Published is set for patches that appeared while the feed was being read: to the Date of the Release file that first
//     listed them (CAT-2). What was there at the first fetch is of unknown age and has none.
//   - A build that is in several suites of one authority is given by the first of the configuration
//     that lists it; if that drops it, the next one takes over at its next fetch, unchanged itself
//     or not. The other suites' copy is left out silently if its digest is the same, and named
//     among the rejected records if it is not.
//   - A build that any suite of its authority whose name ends in "-security" lists is of class
//     Security, whichever suite gives it; a suite that comes before that one in the configuration
//     says so from its second fetch on. Of others no class is known.
//   - Phased updates (Ubuntu) are patches like others: which asset is in which phase only the asset can say.
//   - Bad records are left out and reported with every reason (CAT-16): a name that dpkg would not
//     take, a path with "..", a field that occurs twice. Field names count in any case. Artifacts
//     are named by their base name.
//
// # What it costs
//
// A list is read as xz, zstd, gzip, bzip2, lzma or plain, in this order; one that is listed and not
// there makes way for the next. What a packed file holds after the bytes that the Release file
// promises does not count. A list is held packed while it is read, and parsed as a stream; with
// [Config].Only, what is not wanted costs a fifth of the time. A fetch with nothing new is one
// conditional request a suite; a list whose digest did not change is not fetched again. Debian's
// main suite (63,000 packages) takes about a second and some 60 MB that stay. With Config.CacheDir
// a restart fetches nothing that it had; what is kept there is verified like what is fetched, and a
// folder that cannot be used only costs the saving.
//
// Not built yet: pdiffs; fetching over mirror lists and with credentials (auth.conf); CVE ids and
// severities, which other feeds bring.
package aptfeed
