// Package job says what an administrator wants patched ([Definition]), and what
// one run of it does on one asset and why ([Plan], [Order]). A run is one
// occurrence of a job; an order is what the run asks of one asset. The package
// also has the types with which an asset reports on an order: [Progress],
// [Result], [PatchOutcome] and [Code]. Package job/schedule says when a job
// runs, and package job/execution carries an order out.
//
// The package reads no clock and has no side effects.
//
// # Rules
//
// The rules of schedules are in package job/schedule, those of executions in
// package job/execution.
//
//   - JOB-5. Disabling or deleting a job is a withdrawal, not a cancel. It
//     takes an order out of an agent's queue if the new manifest arrives before
//     the execution starts. A started execution continues, however long it
//     takes. The order leaves the manifest at once, even if the server believes
//     that it has begun. So an agent that lost it, by a reinstallation or a
//     restored snapshot, never gets it again. A cancel after a withdrawal puts
//     the order back into the manifest, marked as cancelled (MAN-4). An order
//     with that mark never starts.
//   - JOB-6. A job is Disabled (as when it is first saved), Enabled, or
//     Deleted. To be enabled it needs at least one patch, query or action, or a
//     reboot for a pending reboot (RBT-11); at least one asset or tag; and a
//     valid schedule. Deleted is final, but the history stays. A change to a
//     job never changes a run whose orders have all ended. An enabled job can
//     also be run at once, whatever its schedule says.
//   - JOB-7. The assets of a job are ((in included tags − in excluded tags) ∪
//     explicitly included) − explicitly excluded. Match says whether one
//     included tag is enough (Any) or every one is needed (All). A job has one
//     platform.
//   - JOB-8. The patches of a job come from a list or from a query, never both.
//     A query is resolved when the orders are made. Then it is frozen for that
//     run, even if an order of the run is planned again (JOB-14). A query takes
//     missing patches: for each installed product, the newest patch that the
//     asset may get, unless another patch that it may get supersedes it
//     (CAT-14, CAT-19). It takes at most 2,000, in order of deadline (DUE),
//     exploitation (known before possible), severity, and publication (newest
//     first). The number of patches that the cap dropped is counted and shown.
//     No dropped patch is due before a kept one, except one kept because
//     another needs it (JOB-14). A longer list is capped in the same way, and
//     keeps its order. The conditions of a query are: a minimum severity, given
//     CVE ids, any CVE id, known exploitation, products, vendors, channels,
//     classes, and whether a reboot is needed. A patch must meet every
//     condition that is set. The same conditions can exclude: a patch that
//     meets any excluding condition is left out. An unknown fact meets no
//     condition. So a query for exploited patches takes only those known to be
//     exploited, and excluding exploited ones leaves out only those. A patch
//     without a severity counts as unrated. A query that excludes everything it
//     asks for is refused. A baseline and a calendar of the definition leave
//     out what may not be offered, or cannot start, with their reasons (APR-1,
//     CAL-1).
//   - JOB-11. An asset runs one execution at a time. Other orders wait as
//     Blocked; the report names the job that they wait for. They start if their
//     window still allows it; otherwise they end as TimedOut. An execution does
//     not hold up others while it only waits to retry its downloads (JOB-27),
//     or for an inventory that verifies the installs but cannot be taken
//     (JOB-18).
//   - JOB-12. If an asset is offline at the start, the job runs when its agent
//     is back; with a window, only inside it. If a recurring job missed several
//     runs, only the newest starts. Whether a run was missed is decided per
//     asset. So an outage of the server loses no run that, in the asset's zone,
//     is still ahead or has an open window.
//   - JOB-14. If one patch needs another and a reboot between them, one job
//     cannot hold both, because a job reboots once, at its end. Such a job is
//     refused when it is enabled. The error names every such pair, and
//     [Definition.Split] offers the chain of jobs, each of which runs after its
//     predecessor's reboot is verified. A query leaves the dependent patch to a
//     later run. A requirement without a reboot decides which patch is
//     installed first. The catalog refuses cycles by name when it syncs. A
//     requirement can also be met by what the asset already has. A patch is
//     deployable only if the product that it requires is installed at the
//     required version or newer (and, for a requirement with a reboot, no
//     reboot of that product is pending), or if the same order installs it
//     first. This is checked when the order is made, and again just before the
//     install. If it is unmet when the order is made, the patch is left out
//     with the reason, which is not a failure. If it is unmet at the install
//     because the required patch failed in this order, the patch fails with
//     code 14, a failed install (RPT-1). If the requirement is unmet at the
//     install for any other reason, the patch is Inapplicable, which is not a
//     failed install. If no patch is left then, the order ends as
//     NotApplicable. A follower's order (JOB-19) needs an inventory taken after
//     its predecessor ended. An order that has not begun is planned again when
//     the asset's inventory or pending reboot changes. A pending reboot whose
//     cause is unknown counts as pending for every product.
//   - JOB-16. [Result] lists the results of an execution, [Progress] the steps
//     on the way, and [Code] the failure codes of a patch, with their published
//     numbers. If patches failed and none succeeded, the result is Failed, also
//     if actions went well.
//   - JOB-19. A job can follow another: once a given share of the other job's
//     assets succeeded, or on each asset once the other job is verified there.
//     It can first wait for a delay, and then for the next start of its own
//     schedule (see [After]). The share is a percentage of the assets that are
//     still enrolled and whose order was not withdrawn. It is computed again
//     when an order is withdrawn or an asset is removed. In a run that was
//     cancelled or withdrawn as a whole, all assets count, so stopping a run
//     never raises its share. Assets not stopped in time can still raise it.
//     Deleting a job with enabled followers is refused unless forced; the error
//     names them. If no asset is left, the follower does not start. The status
//     of a follower that has not started says why.
//   - JOB-20. A time, zone, window or policy that cannot be understood is
//     refused. It never means "now" or "no limit".
//   - JOB-22. A preview shows what a job would do on an asset now, and why. It
//     changes nothing. [Definition.Plan] makes previews and real orders alike.
//   - JOB-23. A job can allow early downloads, spread over the time between the
//     order's receipt and its start. They are part of the download stage: a
//     cancel or withdrawal deletes what was downloaded, and integrity is judged
//     in the same way.
//   - JOB-24. An order starts at most once on an asset. The agent remembers
//     each order that ended after it had begun, or that was cancelled or timed
//     out. It keeps the newest 1,000 for 90 days, with id, result and time
//     only, outside the state that every step commits. If such an order is
//     handed out again, the agent answers with the old result. So a server
//     restored from a backup repeats nothing. An order that was withdrawn
//     before it began may be handed out again. An order that the server knows
//     to have begun is never handed to an agent that no longer holds it: it
//     ends as Failed, code 5, "the agent lost its state; what it did is not
//     known", and none of its patches counts as a failed install (RPT-1). If
//     the agent's state is restored and the agent carries the order out after
//     all, the agent's result replaces the Failed one. A server restored from a
//     backup does not know which agents have lost their state since. So its
//     manifest marks each order that it knows to have begun, and an agent that
//     does not know such an order ends it in the same way. A restored server
//     also does not know what was reported to it since the backup. The agent
//     notices this from the server's acknowledgement. It then reports again how
//     far its running orders are, and the results that it has reported since
//     the backup.
//   - JOB-25. Stuck executions are listed. An execution is stuck if its stage
//     has lasted longer than expected (2 h by default; a job can set it). The
//     list has the stage and when it began. An execution that waits for a user
//     or an inventory is not stuck; one that waits for the source of a download
//     is. An install limit (none by default, at least 10 min) asks an installer
//     to stop, then kills it, and the patch fails with code 10. Without a limit
//     nothing is killed.
//   - JOB-26. A job can include late joiners: an asset that enrols or gets the
//     tag after the orders were made gets its order too, until the run's window
//     ends, or 24 h after the start if it has no window ([JoinTime]). The
//     default is no. If several runs still take late joiners, the asset gets an
//     order of the newest. If the job runs in each asset's own time zone, the
//     asset's local time decides. An asset that joins before its own start
//     takes part in any case (JOB-9).
//   - JOB-27. A job can give up: after N failed runs (default: never), the job
//     leaves a patch out on that asset, with the reason, until a newer version
//     is listed or an administrator retries the patch. An order that has
//     nothing left to do because of this is Failed. A run does not count as
//     failed if the install never began (code 14), or if its outcome is not
//     known or could not be verified (code 5, or code 10 by JOB-18). Failed
//     downloads are retried within the window, or without one for 24 h. The
//     execution waits in the download stage while no patch of the order is
//     ready to deploy and the source of one could not be reached (code 4). It
//     tries again after 1, 2, 4 … minutes, at most an hour apart, with a new
//     inventory. As soon as one patch is ready, the order goes on without those
//     that failed (JOB-2). Meanwhile it holds up no other job, and does not
//     retry while another execution is at work.
//   - RBT-11. A job can reboot for a reboot that is pending already, whoever
//     caused it, even if it installs nothing (Definition.RebootPending). If no
//     reboot is pending and there is nothing else to do, the order waits until
//     its start and then ends as NotApplicable. A definition that sets
//     RebootPending and also suppresses its reboot (RBT-7) is refused.
package job
