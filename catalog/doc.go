// Package catalog knows all patches, and decides with reasons which of them can be deployed on an asset.
//
// It is pure. A [Feed] brings a [Batch]; [Sync] makes of the previous [Snapshot] and the batches the next one, and tells
// the [Changes]. A Snapshot is immutable and indexed. [Snapshot.Evaluate] gives the [Verdict] on one patch and one asset's
// [Inventory], [Snapshot.EvaluateList] on several together, and [Snapshot.Missing] on all that an asset lacks.
// [Snapshot.WithCustomURLs] sets where the customer supplies files, [Snapshot.Encode] and [Decode] store a snapshot.
// Feeds live in packages of their own (jsonfeed, aptfeed); catalogtest holds the suite each of them must pass. Versions
// and their order are in package version.
//
// # Words
//
// A product is one software title on one platform, architecture and channel. A patch is an upgrade of one product to one
// version and consists of artifacts, the files. A line is a family of versions with a common beginning that reaches its
// end of life together. The newest version of a product is the newest listed one whose patch is not deprecated.
//
// # The rules
//
//   - CAT-1. The catalog syncs every 30 minutes unless told otherwise ([SyncEvery]). A sync makes a whole new snapshot or
//     none: readers of the old one see nothing of it, and nobody sees half. A feed that fails keeps its last good patches
//     and is reported unhealthy with the error and since when; verdicts on its patches note FeedFailing. Storing the
//     snapshot and keeping the interval is the server's part.
//   - CAT-2. A patch is to be in the catalog at most 24 hours after its vendor published it. Each
//     patch carries when the vendor published it and when the catalog first listed it, and the
//     difference is its latency; each feed tells the longest of the patches that were published
//     after the feed was first read. A feed without a good sync for 24 hours ([StaleAfter]), at the
//     instant included, is stale: its patches are still served, and their verdicts note FeedStale.
//     Good refers to the data, not only to the transfer. A source may state its own date
//     (Batch.Dated), and the newest date that was ever accepted is part of the snapshot, so it
//     holds across restarts. A batch that is dated before it, that states no date any more, or that
//     is dated more than a day ahead, is refused: it counts as a failed fetch, and the last good
//     data is kept. Mirrors out of step do this now and then, so the feed is stale only after 24
//     hours of it. An unchanged batch counts with its date too, and without one it stands for the
//     last one. Batch.AcceptOlder, the administrator's act, takes an older batch once, and its date
//     is the newest from then on. A feed is also stale while its date is older than the maximum age
//     that its configuration sets (Batch.MaxAge; zero: no limit). FeedStale says which of the two
//     it is, or both.
//   - CAT-3. Patches only upgrade. If the product is not installed, the patch is NotInstalled; if the same version is, it is
//     AlreadyInstalled; if a newer one is, NewerInstalled; if the product's scheme cannot order the two versions, or the
//     patch and the version that the asset's package manager prefers, Unorderable. None of these is deployed: nothing is
//     installed for the first time and nothing is downgraded.
//   - CAT-4. A patch needs no known vulnerability to be deployable. CVE ids and severity are data to select by and play no
//     part in a verdict.
//   - CAT-5. An artifact is Pinned (a URL that serves this version alone), LatestOnly (one URL that serves every version,
//     so that only the newest can be fetched), Repository (the asset's own package manager fetches it) or Vendor (the
//     customer must supply it: NotDownloadable until a custom URL is set, from then on like Pinned). A custom URL is the
//     customer's and no feed's ([Snapshot.WithCustomURLs]): it stands over every sync, before what a feed says and also
//     while the patch is gone, until it is taken back. A patch without any artifact is NotDownloadable. What the asset's package manager was told is respected: a product that it holds is Held,
//     and a version newer than the one it prefers is PinnedElsewhere.
//   - CAT-6. A LatestOnly patch can be deployed only while its version is the newest of its
//     product, which means of one channel, platform and architecture. When a newer one is listed it
//     becomes VersionNotDownloadable, in active jobs too: Sync names it in NoLongerNewest. A
//     repository that lists several versions of a package serves each of them, so such a patch is
//     Pinned: it can be deployed for as long as it is listed.
//   - CAT-7. A LatestOnly URL may at run time serve newer bytes than were ordered. If they carry a valid signature by the
//     expected signer, that is enough (INT-1), and the execution reports the version it really installed, which is never
//     lower than the one ordered; an unsigned file fails the checksum (INT-2). The execution in package job does this.
//   - CAT-8. A patch is Active, then EOLMarked once its vendor announced its end of life, with a date or without, then
//     Deprecated: at the first sync at or after that date, or at the first sync that sees it withdrawn by the vendor. It
//     stays Deprecated for as long as its feed lists it, even if the feed takes the date or the withdrawal back.
//   - CAT-9. A deprecated patch leaves the catalog: it is not yielded, listed, newest or missing, and its verdict is
//     Deprecated. It can still be looked up by its id, because histories and reports keep naming it. Sync names it in
//     Deprecated, so that every open order loses it at once, whatever the server believes of its execution; one that has
//     started keeps its copy. The verdict on a patch that the snapshot does not hold is UnknownPatch.
//   - CAT-10. A patch that is marked but not deprecated is still honoured as long as its URLs are valid and its files can
//     be reached; its verdict notes EOLMarked. Probing is the caller's: a URL it found unreachable makes the patch
//     ArtifactUnreachable ([Options]). A mark without a date never deprecates by itself.
//   - CAT-11. A patch whose own version line is past its end of life cannot be deployed:
//     EOLVersion. The installed version's line does not block, as that would bar the way out; the
//     verdict notes LeavesEOL. With [Options].StrictLines the installed line blocks as well, with
//     EOLVersion; it is a line of the product that is installed, which may be of another channel
//     than the patch's. A version's line is the one with the longest prefix that the version's
//     upstream text equals or continues after a boundary, which is everywhere but between two
//     digits and between two letters: 1.2.3 and 1.2w are on line 1.2, and 1.20 is not. A line may
//     have ended on a date that is not known (Line.Over). The verdict on a version that is on none
//     of the lines of a product which has some notes NoLine, since nothing is known of its end of
//     life; with [Options].KnownLines it blocks, with LineNotKnown.
//   - CAT-12. The end of extended or premium support is kept as data and never moves an end of life.
//   - CAT-13. An end of life is an instant. A date without a time means the end of that day, UTC ([EOLInstant],
//     [ParseEOL]). What is evaluated at the instant counts as past.
//   - CAT-14. A patch is superseded on an asset if one supersedes it, directly or through others,
//     that this asset may get: then it is not missing there, and no query selects it
//     ([Snapshot.Missing]). A patch that cannot be deployed on the asset supersedes nothing there.
//     In a list for one asset ([Snapshot.EvaluateList]) the deployable patches of one installed
//     product, in all channels that the asset uses for it, reduce to the newest, and of those, one
//     that another supersedes goes too; the rest are Superseded. Supersedence that runs in a circle
//     is refused at the sync: the patches of the circle are rejected and the reason names the
//     circle. Requirements between patches are treated alike.
//   - CAT-15. A verdict explains itself: it has all reasons and not the first, the blocking ones in
//     front, each with the rule's id, the values compared and one plain sentence. A deployable
//     patch says Upgrade. An importer may add reasons with codes and rules of its own
//     ([Verdict.With], [Options].Refuse): they are written and read like the others, and block.
//   - CAT-16. Bad data is rejected record by record with every reason: an unknown scheme, a version
//     that is none of the product's scheme, a URL that is not http, https or file, a negative size,
//     a malformed digest, a duplicate id, an unknown product, a file name with a path in it,
//     control characters, anything over the limits, a file URL in a batch that is not Local
//     (INT-11). The rest of the batch is kept. What was rejected is counted in the feed's health
//     and returned, of each feed the first [MaxRejected] with their reasons and the rest as a
//     number. Nothing panics.
//   - CAT-17. A feed speaks only about what its authority owns: its own id, or what Batch.Authority
//     says; feeds of one authority (a distribution's main, updates and security suites) speak for
//     each other, the first in order counting. What an authority introduces first is its own: a
//     vendor's name (and every name that reads like it: other case, blanks, punctuation, accents,
//     letters and digits of any alphabet that are drawn alike), a product with the product and
//     patch ids that begin with its id and a character that is neither letter nor digit, any other
//     patch id, and Batch.Names, unless something of another begins with them. A product whose id
//     others' ids begin with already is that id alone. In one sync the order of the batches, the
//     administrator's, decides; a record that is rejected takes nothing. Owners are part of the
//     snapshot. An authority owns on while any of its feeds is in the catalog, failing, silent or
//     listing nothing, until that one is Gone; what it does not list counts up to a bound. When no
//     feed speaks for an authority any more because its feeds name another one (a keyring was
//     replaced), that one takes its place. A [Grant] outranks all this from the next sync on, the
//     closest one first; of two alike the first in order counts, and the other is shown. A record
//     outside its authority is rejected and told in [Changes].Rejected with its Owner; [FeedHealth]
//     counts these as Outside and names the first few. Supersedes and Requires reach patches of the
//     same authority alone ([Snapshot.Reaches]): what else they name is as if nobody had it, now
//     and when somebody lists it, and is shown too. So nothing a feed says changes the verdict on a
//     patch over which it has no authority. When the catalog is full, the largest authorities give
//     way. A [Verdict] names the feed, an order too, and a signer policy's clause can ask for it.
//     An inventory names for an installed product the products of other channels that the asset
//     uses for it (Installed.Also): a patch of one of these is judged against that same software,
//     with its version, hold and pin. A product that the inventory does not name in either way is
//     NotInstalled, and where the catalog can tell, the reason says that the asset does not use
//     that channel.
//   - CAT-18. Facts about vulnerabilities have a source and a time; they decide order and deadline, and never whether a
//     patch can be deployed. Not built yet.
//   - CAT-19. For each installed product [Snapshot.Missing] offers the newest version that the
//     asset may get, of the product and of the other channels that the asset uses for the same
//     software (Installed.Also), and explains every newer one that it may not get. A pin, a hold, a
//     channel, the end of a line, or a ground of the caller's ([Options].Refuse, as a baseline or a
//     signer policy) that excludes the newest version never hides an older update that is allowed.
//     The verdicts are ordered by installed product, and for each the newest first, so that what is
//     offered comes last. Of the newer ones the newest [MaxNewer] are explained, and the reason
//     MoreNewer counts the rest. One installed product gets one patch.
//   - CAT-20. Version schemes are open. Built in are semver, debian, rpm, apk, dotted, loose and jdk; an importer brings
//     its own as a version.Own, held to the suite in versiontest. There is nothing to register.
package catalog
