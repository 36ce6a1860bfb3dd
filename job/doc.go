// Package job says what an administrator wants patched ([Definition]), and what
// one run of it does on one asset and why ([Plan], [Order]). A run is one
// occurrence of a job; an order is what the run asks of one asset. The package
// also has the words in which an asset reports on an order: [Progress],
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
//     the execution starts. A started execution goes on and takes the time it
//     needs. The order leaves the manifest at once, whatever the server
//     believes that the agent has begun. So an agent that does not hold it,
//     because it was reinstalled or restored from a snapshot, never gets it
//     again. A cancel after a withdrawal puts the order back, marked; a marked
//     order never starts.
//   - JOB-6. A job is Disabled (as it is saved), Enabled, or Deleted. To be
//     enabled it needs at least one patch, query or action (or it reboots for a
//     pending reboot, RBT-11), at least one asset or tag, and a valid schedule.
//     Deleted is final, and its history stays: a change to a job never changes
//     a run whose orders have all ended. An enabled job can also be run at
//     once, whatever its schedule says.
//   - JOB-7. The assets of a job are ((in included tags − in excluded tags) ∪
//     explicitly included) − explicitly excluded. Included tags match Any or
//     All. A job has one platform.
//   - JOB-8. The patches of a job come from a list or from a query, never both.
//     A query is resolved when the orders are made. Then it is frozen for that
//     run, even if an order of the run is planned again (JOB-14). It takes
//     missing patches: for each installed product, the newest patch that the
//     asset may get, unless another patch that it may get supersedes that one
//     (CAT-14, CAT-19). It takes the newest published first, 2,000 at most. How
//     many the cap dropped is counted and shown. Its conditions are: a minimum
//     severity, given CVE ids, any CVE id, known exploitation, products,
//     vendors, channels, classes, and whether a reboot is needed. A patch must
//     meet every condition that is set. The same conditions can exclude: a
//     patch that meets any excluding condition is left out. An unknown fact
//     meets no condition. So a query for exploited patches takes only those
//     known to be exploited, and excluding exploited ones leaves out only
//     those. A patch without a severity counts as unrated. A query that
//     excludes everything it asks for is refused. (Not built: sorting by
//     earliest deadline, then exploitation, then severity, then newest.)
//   - JOB-11. One execution at a time runs on an asset. Other orders wait as
//     Blocked, which names the job, and start if their window still allows;
//     otherwise they end as TimedOut. An execution holds up no other while it
//     only waits for its verification because the inventory cannot be taken
//     (JOB-18), or to try its downloads again (JOB-27).
//   - JOB-12. If an asset is offline at the start, the job runs when its agent
//     is back; with a window, only inside it. Of several missed runs of a
//     recurring job only the newest runs. Whether a run was missed is decided
//     per asset: an outage of the server loses no run that is still ahead, or
//     whose window is still open, in that asset's zone.
//   - JOB-14. If one patch needs another and a reboot between them, one job
//     cannot hold both, because a job reboots once, at its end. Such a job is
//     refused when it is enabled. The error names every such pair, and
//     [Definition.Split] offers the chain of jobs, each of which runs after its
//     predecessor's reboot is verified. A query leaves the dependent patch to a
//     later run. A requirement without a reboot orders the installs. The
//     catalog refuses cycles by name when it syncs. A requirement is also a
//     fact about the asset. A patch is deployable only if the product that it
//     requires is installed at the required version or newer (and, for a
//     requirement with a reboot, no reboot of that product is pending), or if
//     the same order installs it first. This is checked when the order is made,
//     and again just before the install. If it is unmet when the order is made,
//     the patch is left out with the reason, which is not a failure. If it is
//     unmet at the install because the required patch failed in this order, the
//     patch fails with code 14, a failed install (RPT-1). If it is unmet for
//     any other reason, the patch is inapplicable, which is not a failed
//     install; if nothing is left then, the order is NotApplicable. A
//     follower's order is planned with an inventory taken after its predecessor
//     ended. An order that has not begun is planned again when the asset's
//     inventory or pending reboot changes. A pending reboot whose cause is
//     unknown may be for any product.
//   - JOB-16. The results of an execution are those of [Result], the steps on
//     the way those of [Progress]. The failure codes of a patch are those of
//     [Code], with the vendor's numbers.
//   - JOB-19. A job can run after another: once a given share of the other
//     job's assets succeeded, or on each asset once that asset verified the
//     other job. It can wait for a delay first, and after that for the next
//     start of its own schedule (see [After]). The share is a percentage of the
//     assets that are still enrolled and whose order was not withdrawn. It is
//     computed again when an order is withdrawn or an asset is removed. In
//     a run that was cancelled or withdrawn as a whole, all assets count, so
//     stopping a run never raises its share. Assets that were too late to stop
//     can still reach it. Deleting a job that enabled jobs wait for is refused
//     unless forced; the error names them. If no asset is left, the follower
//     does not start, and says so. A follower that has not started says why.
//   - JOB-20. A time, zone, window or policy that cannot be understood is
//     refused. It never means "now" or "no limit".
//   - JOB-22. A preview says for a job and any asset what would happen now and
//     why, and changes nothing. [Definition.Plan] makes previews and real
//     orders alike.
//   - JOB-23. A job can allow early downloads, spread over the time between the
//     order's receipt and its start. They are part of the download stage: a
//     cancel or withdrawal deletes what was downloaded, and integrity is judged
//     in the same way.
//   - JOB-24. An order starts at most once on an asset. The agent remembers the
//     orders that ended after they had begun, or were cancelled or timed out:
//     id, result and time only, for 90 days, the newest 1,000, stored apart
//     from the state that every step commits. If such an order is handed out
//     again, the agent answers with the old result. So a server restored from a
//     backup repeats nothing. An order that was withdrawn before it began may
//     be handed out again. An order that the server knows to have begun is
//     never handed to an agent that no longer holds it: it ends as Failed, code
//     5, "the agent lost its state; what it did is not known", and none of its
//     patches counts as a failed install (RPT-1). If the agent's state is
//     restored and it carries the order out after all, its result replaces that
//     one. A server restored from a backup does not know which agents have lost
//     their state since. So its manifest marks each order that it knows to have
//     begun, and an agent that does not know such an order ends it in the same
//     way. Nor does the server know what was reported to it since the backup.
//     The agent sees that from the server's acknowledgement. It then reports
//     again how far its running orders are, and the results that it has
//     reported since the backup.
//   - JOB-25. Stuck is visible: an execution whose stage has lasted longer than
//     expected (2 h by default; a job can set it) is listed with the stage and
//     since when. Waiting for a user or an inventory is not stuck; waiting for
//     the source of a download is. An install limit (none by
//     default, at least 10 min) ends an installer politely, then hard, and the
//     patch fails with code 10. Without a limit nothing is killed.
//   - JOB-26. A job can include late joiners: an asset that enrols or gets the
//     tag after the orders were made gets its order too, until the run's window
//     ends, or without a window until 24 h after the start ([JoinTime]). The
//     default is no. If several runs still take late joiners, the asset gets an
//     order of the newest. In each asset's own zone, the asset's clock decides.
//     An asset that joins before its own start takes part in any case (JOB-9).
//   - JOB-27. A job can give up: after N failed runs (default: never) a patch
//     is left out on that asset with the reason, until there is a newer version
//     or an administrator has it tried again. An order that has nothing left to
//     do because of this is Failed. These do not count as failed runs: an
//     install that never began (code 14), and one whose outcome is not known or
//     could not be verified (code 5, or code 10 by JOB-18). Failed downloads
//     are retried within the window, or without one for 24 h. While no patch of
//     the order is ready to deploy and the source of one could not be reached
//     (code 4), the execution waits in the download stage. It tries again after
//     1, 2, 4 … minutes, at most an hour apart, with a new inventory. As soon
//     as one patch is ready, the order goes on without those that failed
//     (JOB-2). Meanwhile the execution holds up no other job, and does not
//     retry while another is at work.
//   - RBT-11. A job can reboot for a reboot that is pending already, whoever
//     caused it, even if it installs nothing (Definition.RebootPending). If no
//     reboot is pending and there is nothing else to do, the order waits until
//     its start and then ends as NotApplicable. A definition that says so and
//     also suppresses its reboot (RBT-7) is refused.
package job
