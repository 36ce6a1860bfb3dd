// Package catalog holds all patches and decides, with reasons, which of them
// can be deployed on an asset.
//
// The package is pure. A [Feed] returns a [Batch]. [Sync] takes the previous
// [Snapshot] and the batches, and returns the next snapshot and the [Changes].
// A Snapshot is immutable and indexed:
//
//   - [Snapshot.Evaluate] returns the [Verdict] on one patch for the
//     [Inventory] of one asset, [Snapshot.EvaluateList] the verdicts on several
//     patches together, and [Snapshot.Missing] the verdicts on everything that
//     is newer than what the asset has.
//   - [Snapshot.Scanner] does what Missing does for one asset after another.
//   - [Snapshot.Fixed] returns the vulnerabilities that an upgrade fixes,
//     [Snapshot.Vulnerability] what is known of one, and [Snapshot.Risk] what is
//     known of all that an upgrade fixes.
//   - [Snapshot.History] returns the patches of a product, also those that left
//     the catalog.
//   - [Snapshot.WithCustomURLs] sets the URLs at which the customer supplies
//     files.
//   - [Snapshot.Encode] and [Decode] store a snapshot, and [Snapshot.Pieces]
//     only its changes.
//
// Packages jsonfeed, aptfeed and rpmfeed are feeds of patches, eolfeed of
// version lines, osvfeed of advisories, and kevfeed of facts about
// vulnerabilities; jsonfeed brings these too. Package catalogtest is the suite
// that each feed must pass. Versions and their order are in package version.
//
// # Words
//
// A product is one software title on one platform, architecture and channel. A
// patch is an upgrade of one product to one version. Its files are artifacts. A
// version line is a family of versions with a common prefix and a common end of
// life. The newest version of a product is the highest listed version whose
// patch is not deprecated (CAT-8). Each reason of a verdict either blocks the
// patch or is only a note. An importer is a program that uses this package.
//
// # The rules
//
//   - CAT-1. The catalog syncs every 30 minutes by default ([SyncEvery]). A
//     sync replaces the whole snapshot at once or not at all: readers see the
//     old one or the new one, never half. A feed that fails keeps its last good
//     patches. It is reported as unhealthy, with the error and when it began to
//     fail, and the verdicts on its patches carry the note FeedFailing. The
//     server stores the snapshot and starts the syncs.
//   - CAT-2. A patch is in the catalog at most 24 hours after its vendor
//     published it. Each patch carries when the vendor published it and when
//     the catalog first listed it. The difference is its latency. Each feed
//     reports the longest latency among the patches published after its first
//     good fetch. A feed is stale as soon as it has had no good sync for 24
//     hours ([StaleAfter]). Its patches are still served, and their verdicts
//     carry the note FeedStale. A sync is good only if its data is accepted; a
//     successful transfer is not enough. A source may state its own date
//     (Batch.Dated). The newest date ever accepted is part of the snapshot, so
//     it holds across restarts. A batch is refused if its date is older, if it
//     no longer states a date, or if its date is more than a day in the future.
//     A refused batch counts as a failed fetch, and the last good data is kept.
//     Out-of-step mirrors cause this failure now and then, so the feed becomes
//     stale only after 24 hours without a good sync. The date of an unchanged
//     batch is checked too. If it states none, it keeps the date of the last
//     batch. With Batch.AcceptOlder the administrator accepts an older batch
//     once, and from then on its date counts as the newest accepted one. A feed
//     is also stale while its date is older than the maximum age that its
//     configuration sets (Batch.MaxAge; zero: no limit). FeedStale says whether
//     the sync, the date or both are too old.
//   - CAT-3. Patches only upgrade. If the product is not installed, the verdict
//     is NotInstalled. If the same version is installed, it is
//     AlreadyInstalled. If a newer version is installed, it is NewerInstalled.
//     If the product's scheme cannot order the patch's version against the
//     installed one, or against the one that the asset's package manager
//     prefers, it is Unorderable. None of these is deployed. Nothing is
//     installed for the first time, and nothing is downgraded. If the asset's
//     package manager left an upgrade unfinished, the installed version is the
//     one that worked last, so the upgrade is still missing, and its verdict
//     notes Unfinished.
//   - CAT-4. A patch needs no known vulnerability to be deployable. CVE ids and
//     severity are data for selection and play no part in a verdict.
//   - CAT-5. An artifact has one of four availabilities. Pinned: a URL for this
//     version alone. LatestOnly: one URL for every version, so that only the
//     newest can be fetched. Repository: the asset's own package manager
//     fetches it. Vendor: the customer must supply it. A patch with a Vendor
//     artifact is NotDownloadable until a custom URL is set. From then on the
//     artifact is treated as Pinned. A custom URL that the customer sets
//     ([Snapshot.WithCustomURLs]) survives every sync, outranks one that a feed
//     gives, and stays set until the customer removes it, even while the patch
//     is not in the catalog. A patch without artifacts is NotDownloadable. The
//     settings of the asset's package manager are respected. If the package
//     manager holds a product, its patches are Held. If it prefers a version,
//     newer patches are PinnedElsewhere.
//   - CAT-6. A patch with a LatestOnly artifact is deployable only while its
//     version is the newest of its product (one channel, platform and
//     architecture). When a newer version is listed, the older patch becomes
//     VersionNotDownloadable, in active jobs too. Sync lists that patch in
//     [Changes].NoLongerNewest. A repository that lists several versions of a
//     package serves each of them. The artifacts of such patches are Pinned,
//     and the patches are deployable as long as they are listed.
//   - CAT-7. When an order runs, a LatestOnly URL may serve a newer file than
//     was ordered. A valid signature by the expected signer is then enough
//     (INT-1), and the execution reports the version that it really installed,
//     which is never lower than ordered. That is why the signature is checked
//     first. An unsigned newer file fails the checksum (INT-2). Package
//     job/execution does this.
//   - CAT-8. A patch is Active. It becomes EOLMarked when its vendor announces
//     its end of life, with or without a date. It becomes Deprecated at the
//     first sync at or after that date, or at the first sync that sees the
//     vendor withdraw it explicitly. It stays Deprecated as long as its feed
//     lists it, even if the feed takes back the date or the withdrawal.
//   - CAT-9. A deprecated patch leaves the catalog: queries and new jobs do not
//     find it, it is never the newest and never missing, and its verdict is
//     Deprecated. It can still be looked up by its id, because histories and
//     reports name it. It is removed from active jobs: Sync lists it in
//     [Changes].Deprecated, and a new manifest revision removes it from every
//     open order at once, even one that the server believes to have begun
//     (JOB-5). A started execution keeps its copy. The verdict on a patch that
//     is not in the snapshot is UnknownPatch.
//   - CAT-10. A patch that is EOLMarked but not Deprecated is still honoured as
//     long as its URLs are valid and its files can be reached. Its verdict
//     carries the note EOLMarked. The caller probes the URLs before the order
//     is made, and the download tries them again. A patch with an unreachable
//     URL is ArtifactUnreachable ([Options].Unreachable). A mark without a date
//     never deprecates by itself.
//   - CAT-11. A patch whose own version line is past its end of life cannot be
//     deployed: EOLVersion. The line of the installed version does not block,
//     because that would keep the asset on it. Instead the verdict carries the
//     note LeavesEOL. With [Options].StrictLines the installed line blocks too,
//     with EOLVersion. That line belongs to the installed product, whose
//     channel may differ from the patch's. A prefix matches a version if the
//     upstream text of the version equals the prefix, or continues it after a
//     boundary. The version is on the line with the longest matching prefix. A
//     boundary is any place except between two digits or between two letters:
//     1.2.3 and 1.2w are on line 1.2, and 1.20 is not. A line may have ended on
//     an unknown date (Line.Over). If a product has lines and a version is on
//     none of them, its end of life is not known. The verdict then carries the
//     note NoLine. With [Options].KnownLines the patch is blocked, with
//     LineNotKnown. A feed can also give lines of products that another feed
//     lists ([LineSet]). They are merged by prefix: a line of a set replaces
//     the product's own with the same prefix. If several sets have the line,
//     the feed whose id sorts first counts, and within a feed the most specific
//     product id. A product has at most [MaxLines] in all. A set has no effect
//     on a product that would get more, and is shown.
//   - CAT-12. Dates of extended or premium support are kept as data and never
//     move an end of life.
//   - CAT-13. An end of life is an instant. A date without a time means the end
//     of that day, UTC ([EOLInstant], [ParseEOL]). At that very instant, the
//     end of life has passed.
//   - CAT-14. A patch is superseded on an asset if a patch that this asset may
//     get supersedes it, directly or through others. Then it is never offered
//     there, and no query selects it ([Snapshot.Missing]). A patch that cannot
//     be deployed on the asset supersedes nothing there. A list of patches for
//     one asset ([Snapshot.EvaluateList]) is reduced: for each installed
//     product, across all channels that the asset uses for it, only the newest
//     deployable patch remains. If another remaining patch supersedes that
//     newest one, the newest one is dropped too. Dropped patches are
//     Superseded. A cycle in supersedence data is refused at sync: its patches
//     are rejected, and the reason names the cycle. Cycles of requirements are
//     refused in the same way (JOB-14). A record can only supersede, require or
//     end patches of its own authority (CAT-17).
//   - CAT-15. Every verdict explains itself. It lists all reasons, not only the
//     first, and the blocking ones come first. Each reason has the rule's id,
//     the values compared, and one plain sentence. A deployable patch has the
//     reason Upgrade. An importer may add reasons with codes and rules of its
//     own ([Verdict.With], [Options].Refuse). They are stored like the others,
//     and they block.
//   - CAT-16. A record with bad data is rejected, with every reason, and the
//     other records are kept. Bad data are: an unknown scheme, a version that
//     is not valid in the product's scheme, a URL that is not http, https or
//     file, a negative size, a malformed digest, a duplicate id, an unknown
//     product, a file name that contains a path, control characters, anything
//     over a limit, and a file URL in a batch that is not Local (INT-11). The
//     feed's health counts the rejected records. Sync returns the first
//     [MaxRejected] of each feed with their reasons, and the number of the
//     others. Nothing panics.
//   - CAT-17. A feed may speak only about what its authority owns, except that
//     any feed may state facts about any vulnerability (CAT-18). Its authority
//     is its own id, or Batch.Authority. Feeds of one origin that are verified
//     by one keyring (a distribution's main, updates and security suites) are
//     one authority. Each may speak about what another introduced. If several
//     feeds list the same thing, the first of their batches counts. An
//     authority owns what it introduces first: a vendor's name, with every
//     look-alike (a name that differs only in case, blanks, punctuation,
//     accents, or in letters and digits that look alike, of any alphabet); a
//     product, with every product or patch id that begins with the product's id
//     and then a character that is neither a letter nor a digit; any other
//     patch id; and each prefix in Batch.Names, unless an id of another
//     authority begins with it. If ids of other authorities already begin with
//     a product's id, the authority owns only the product's id itself. Within
//     one sync the order of the batches, set by the administrator, decides. A
//     rejected record makes nobody an owner. Owners are part of the snapshot.
//     An authority remains an owner while any of its feeds is in the catalog,
//     even if the feed fails, is silent or is empty. A feed leaves the catalog
//     only when it is Gone. Of the names that it no longer lists, an authority
//     keeps the 131,072 that it listed last. If all feeds of an authority now
//     name another authority (because a keyring was replaced), the new
//     authority takes over what the old one owned. A [Grant] outranks all this
//     from the next sync on. The most specific grant counts. Of two equal
//     grants to different authorities, the first in order counts; the other is
//     shown. A record outside its authority is rejected and returned in
//     [Changes].Rejected with its Owner. [FeedHealth] counts such records as
//     Outside and names the first few. Such a record never hides, blocks or
//     replaces a record of the other authority. A claim of two feeds on one
//     product is shown as a conflict until a grant decides. Supersedes and
//     Requires reach only patches of the same authority ([Snapshot.Reaches]).
//     Any other id there is shown and has no effect, even if somebody lists it
//     later. A feed gives the lines of products that its authority owns, and of
//     those that [Grant].Lines names, which grants nothing else. Without that
//     grant, the line set of another authority's product is rejected. Facts and
//     advisories need no authority, because they play no part in a verdict
//     (CAT-18). So a feed with neither authority nor a grant over a patch
//     cannot change its verdict. When the catalog is full, only authorities
//     with more than an equal share lose records. Verdicts and orders name the
//     feed, and a signer policy can require a certain feed. A package
//     repository has authority over its own channel. A third party's repository
//     may offer a newer build of a distribution's package, under its own
//     vendor's name and only to assets that are configured to use it. For each
//     installed product the inventory names the products of the other channels
//     that the asset uses for it (Installed.Also). A patch of one of these is
//     judged against the installed product: its version, hold and pin. A patch
//     of a product that is neither installed nor one of these is NotInstalled.
//     If the catalog knows that the asset has it from another channel, the
//     reason says so.
//   - CAT-18. Facts about vulnerabilities ([Vulnerability], [Advisory]) decide
//     order and deadline, and never whether a patch is deployable (CAT-4). Each
//     has a feed as its source, and the time of that feed's last good sync.
//     Facts of all feeds are merged when somebody asks
//     ([Snapshot.Vulnerability]): yes outranks no, no outranks unknown; the
//     highest severity and probability count, and the earliest dates. A fact
//     whose source is missing, failing or stale is unknown, which never reads
//     as "not exploited". "Not exploited" needs a feed that lists everything
//     exploited (Batch.AllExploited) and does not list the vulnerability. A bad
//     record in such a list makes all that it does not list unknown, because it
//     might be any of them. A truncated document is refused by its feed, and an
//     older one by the sync (CAT-2). The last good one is kept. An advisory
//     says which versions of a package fix what. The package is the source
//     package (Product.Package), and versions are compared with Patch.Source
//     where the patch has one. Which vulnerabilities an upgrade fixes does not
//     depend on the health of a feed ([Snapshot.Fixed]). A patch that left the
//     catalog is remembered without its files, with the times it was published,
//     listed and gone ([Snapshot.History]). So a delay can count from the
//     oldest fix of a line (APR-2), and an installed version keeps its source.
//     A product keeps the newest [MaxHistory] of them.
//   - CAT-19. For each installed product, [Snapshot.Missing] offers the newest
//     version that this asset may get, of the product and of the other channels
//     that the asset uses for the same software (Installed.Also). It explains
//     every newer one that the asset may not get. An allowed older update is
//     never hidden because a pin, a hold, a channel, an ended line, or a reason
//     of the caller ([Options].Refuse, such as a baseline or a signer policy)
//     excludes the newest version. The verdicts are ordered by installed
//     product, and for each product the newest comes first, so that the offer
//     comes last. Of the newer versions, only the newest [MaxNewer] are
//     explained; the reason MoreNewer counts the others. Each installed product
//     gets at most one patch.
//   - CAT-20. Version schemes are open. Built in are semver, debian, rpm, apk,
//     dotted, loose and jdk. An importer brings its own as a version.Own and
//     holds it to the suite in package versiontest. There is nothing to
//     register.
package catalog
