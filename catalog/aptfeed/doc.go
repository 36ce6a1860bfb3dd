// Package aptfeed makes catalog feeds of real Debian and Ubuntu repositories,
// as an apt configuration names them.
//
//	feeds, err := aptfeed.FromConfig(aptfeed.Config{CacheDir: "/var/cache/patchpolicy"}) // fetches
//	feeds, err := aptfeed.FromLists(aptfeed.Config{Root: "/"})                           // reads what apt downloaded
//
// Each suite of each repository is one [Feed], with its own health. Both
// functions read sources.list and sources.list.d, one-line and deb822 entries
// (sources.list(5)), as apt reads them: quotes, $(ARCH), the last of repeated
// options, by-hash, flat repositories, and signed-by with files, fingerprints
// or an embedded key block. [FromConfig] fetches over http and https and reads
// file and copy addresses. [FromLists] reads what apt has downloaded, over any
// transport. Whatever apt would do and this package does not is reported: a
// [Problem] names file and line, and an entry that cannot be used becomes a
// feed whose every fetch fails with the reason. A proxy comes from the
// environment (HTTP_PROXY and so on), not from apt's configuration.
//
// # Trust
//
// Every byte that a feed uses is covered by a signature:
//
//	InRelease, or Release with Release.gpg     signed by a key in signed-by, otherwise in trusted.gpg and trusted.gpg.d
//	 └─ digest and size of Packages            at its by-hash address if offered
//	     └─ digest and size of each .deb       part of the patch; the agent checks them (INT-2)
//
// The checks in detail:
//
//   - One good signature by a trusted key is enough. Others may be unknown,
//     expired or weak, but if one by a trusted key is bad, the file is refused.
//     Only the text inside the signed block is read. A file with text before or
//     after it is refused. No signature, a signature by an unknown key, and a
//     bad signature are different causes ([fault.Cause]). SHA-1 and MD5 signatures,
//     DSA keys, and RSA keys under 2048 bits prove nothing. Package
//     integrity/openpgp judges all this.
//   - A keyring is a [fault.Keyring] failure, with advice, if it is missing, empty,
//     unreadable, a web page or a keybox, or if its name does not match its
//     form (.gpg is binary, .asc armored). Files in trusted.gpg.d that are not
//     needed are not checked.
//   - In the Release file and in lists, SHA256 digests are used, or SHA512
//     where there are none (INT-7).
//   - Valid-Until is checked at every fetch, even if nothing is new, whatever
//     apt's Check-Valid-Until says. The Date must not be in the future.
//     [Config].IgnoreValidUntil is the one exception. Dates are read as apt
//     reads them. If the Date is missing or is not in UTC, that is noted. A
//     Valid-Until that is not in UTC refuses the file; a missing one does not.
//   - The batch carries the Date, so that the catalog refuses a Release file
//     older than the newest one it accepted. It also carries the age at which
//     the feed is stale: [Config].MaxAge, or the entry's valid-until-max in
//     seconds (CAT-2).
//   - A Release file for a suite other than the one in the entry is noted, as
//     apt does.
//   - trusted=yes, allow-insecure and similar options never switch a check off.
//   - The signed file bounds the size of what is fetched, before and after
//     unpacking. Digests are compared before anything is unpacked. apt repacks
//     the lists that it downloads, so these are compared unpacked.
//
// A repository that fails any check gives nothing at all, and the catalog keeps
// its last good patches (CAT-1).
//
// # Patches
//
//   - The product is "deb/<channel>/<architecture>/<package>"
//     (debian.ProductID). The patch is the product, "=" and the version. A
//     package of architecture "all" is a product of every wanted architecture.
//   - debian.Release.Channel gives the channel from the Release file, on any
//     machine. The batch claims the ids of its channel and no others. Its
//     authority is the Origin together with the keyring as the entry names it,
//     so all suites of a distribution are one authority, even after its keys
//     are renewed (CAT-17). The vendor is the Origin.
//   - The artifact is Pinned: a repository serves every version that it lists,
//     each at its own address (CAT-6). If only apt can reach the repository,
//     the artifact is Repository, without a URL.
//   - Published is set for patches that appear after the first fetch: to the
//     Date of the Release file that first lists them (CAT-2). What the first
//     fetch lists is of unknown age and has none.
//   - If several suites of one authority list a build, the first in the
//     configuration provides it. When that one drops it, the next one takes
//     over at its next fetch, even if it is unchanged itself. The copy of
//     another suite is left out silently if its digest is equal, and rejected
//     if it differs.
//   - A build that a suite of its authority with a name ending in "-security"
//     lists is of class Security, whichever suite provides it. The first fetch
//     of a suite therefore reads such suites after it too. Other builds have no
//     class.
//   - Products of Debian and Ubuntu carry the name under which advisories speak
//     of them: the release, from Origin and Version, and the source package.
//     Patch.Source is set if the source has another version ("Source: name
//     (version)"). The source of the kernel's signed packages (linux-signed-…)
//     counts as linux in the version of the package, as in Debian's security
//     tracker. Package osvfeed reads advisories.
//   - Phased updates (Ubuntu) are treated like any other patch. Only the asset
//     knows its phase.
//   - Bad records are left out and reported with every reason (CAT-16): a name
//     that dpkg refuses, a path with "..", a repeated field. Field names match
//     in any case. An artifact is named by the base name of its path.
//
// # What it costs
//
// A list is read as xz, zstd, gzip, bzip2, lzma or plain, in this order. If one
// is listed but missing, the next is tried. Bytes of a packed file beyond the
// size in the Release file are ignored. A list is held packed while it is read,
// and parsed as a stream. With [Config].Only, an unwanted package costs a fifth
// of the time. A fetch with nothing new is one conditional request per suite. A
// list with the same digest is not fetched again. Debian's main suite (63,000
// packages) takes about a second, and keeps some 60 MB of memory. With
// [Config].CacheDir a restart fetches nothing again. What is kept there is
// verified like what is fetched, and if the directory cannot be used,
// everything is fetched.
//
// CVE ids and severities come from other feeds. Not built yet: pdiffs, and
// fetching over mirror lists or with credentials (auth.conf).
package aptfeed
