// Package rpmfeed makes catalog feeds of RPM repositories.
//
//	feed, err := rpmfeed.New(rpmfeed.Config{
//		Channel: "baseos", URL: "https://packages.acme.example/9/BaseOS/x86_64/os/",
//		Architectures: []string{"x86_64", "i686"}, Keyring: keys,
//	})
//
// # Trust
//
// Every byte that a feed uses is covered by a signature, unless
// [Config].Unsigned says that the repository has none:
//
//	repodata/repomd.xml.asc           by a key of Config.Keyring
//	 └─ repodata/repomd.xml
//	     └─ digest and size of primary, updateinfo and modules
//	         └─ digest and size of each package    part of the patch; the agent checks them (INT-2)
//
// Package integrity/openpgp judges signatures, at every fetch. Digests are
// SHA-256, SHA-384 or SHA-512 (INT-7). The batch is dated by the newest of the
// revision and timestamps in repomd.xml, so that the catalog refuses an older
// repomd.xml (CAT-2). A repository that fails any check gives nothing at all,
// and the catalog keeps its last good patches (CAT-1).
//
// # Patches
//
//   - The product is "rpm/<channel>/<architecture>/<name>" ([ProductID]). The
//     patch is the product, "=" and [epoch:]version-release. The channel is the
//     repository's id, and the batch claims the ids of its channel. A noarch
//     package belongs to the first of [Config].Architectures.
//   - The artifact is Pinned: a repository serves every version that it lists,
//     each at its own address (CAT-6).
//   - A patch has the CVE ids, severity, date of issue, class and reboot
//     suggestion of the advisories that list this very build. A
//     [catalog.Advisory] says which versions fix what, including builds that
//     the repository no longer lists. The ecosystem of its packages is the
//     channel. A build in a retracted advisory is Withdrawn. Important is High,
//     and Moderate is Medium.
//   - Without an advisory, when a patch was published is unknown.
//   - Packages of modules are left out, because each asset chooses its stream
//     and a build of one stream is not an upgrade of another's. One rejected
//     record says how many were left out.
//   - Bad records are left out and reported with every reason (CAT-16).
//   - The authority is the feed's own, or [Config].Vendor with the keyring:
//     signed repositories of one vendor speak for each other (CAT-17).
//
// # What it costs
//
// Metadata are read as xz, zstd, gzip, bzip2, lzma or plain, and parsed as a
// stream, one record at a time. A fetch with nothing new is one conditional
// request. Sqlite and zchunk forms are not read. Not built yet: metalinks and
// mirror lists, delta metadata, and keeping what was fetched across restarts.
package rpmfeed
