// Package job says what an administrator wants patched (Definition), and what one run of it does on one asset and why
// (Plan, Order). It also has the words in which an asset reports what became of an order: Progress, Result, PatchOutcome
// and Code. Package job/schedule says when a job runs, and package job/execution carries an order out.
//
// Nothing in this package reads a clock or touches the world.
//
// # Rules
//
// Those of schedules are in package job/schedule, those of executions in package job/execution.
//
//   - JOB-5. Disabling or deleting a job is a withdrawal, which is not a cancel: it takes an order out of an agent's
//     queue if the new manifest arrives before the execution started. A started execution goes on and takes its time. The
//     order leaves the manifest at once, whatever the server believes of its execution, so an agent that does not hold it,
//     because it was reinstalled, never gets it again. A cancel after that puts it back, marked; a marked order never
//     starts.
//   - JOB-6. A job is Disabled (as it is saved), Enabled, or Deleted. Enabling needs at least one patch, query or
//     action (or that it reboots for a pending reboot, RBT-11), at least one asset or tag, and a valid schedule. Deleted is
//     final, and its history stays: no change of a job changes a run all of whose orders have ended. An enabled job can also
//     be run by name, at once.
//   - JOB-7. Its assets are ((in included tags − in excluded tags) ∪ explicitly included) − explicitly excluded, the
//     included tags matching Any or All. A job has one platform.
//   - JOB-8. Its patches come from a list or from a query, never both. A query is resolved when the
//     orders are made and frozen for that run, also when an order of it is planned again (JOB-14):
//     missing patches that nothing which the asset may get supersedes, of each installed product
//     the newest that it may get (CAT-14, CAT-19), newest published first, 2,000 at most; how many
//     the cap dropped is counted and shown. Its conditions are: a minimum severity, given CVE ids,
//     any CVE id, known exploitation, products, vendors, channels, classes and a needed reboot. A
//     patch must meet every condition that is set. Each can be an exclusion too: a patch that meets
//     any one of these is left out. A fact that is not known meets no condition, so a query for
//     what is exploited takes only what is known to be, and excluding that leaves out no other; a
//     patch without a severity counts as unrated. A query that excludes all it asks for is refused.
//     (The order by deadline, exploited and severity before newest is not built.)
//   - JOB-11. One execution at a time on an asset. Others wait as Blocked, naming the job, and start if their window
//     still allows; else they are TimedOut. An execution that is over but for its verification, because the inventory
//     cannot be taken, holds up no other (JOB-18); neither does one that only waits to try its downloads again (JOB-27).
//   - JOB-12. An asset that is offline at the start runs the job when its agent is back, with a window only inside it.
//     Of several missed runs of a recurring job only the newest runs. Missed is decided per asset: an outage of the server
//     loses no run that is still ahead, or whose window is still open, in that asset's zone.
//   - JOB-14. If one patch needs another and a reboot between them, one job cannot hold both, because a job reboots
//     once, at its end. Such a job is refused when it is enabled, naming every such pair, and Split offers the chain of
//     jobs, each running after its predecessor's reboot is verified. A query leaves the dependent patch to a later run.
//     A requirement without a reboot orders the installs. Cycles are refused by name when the catalog is synced. A
//     requirement is also a fact about the asset. A patch is deployable only if the product that it requires is
//     installed at the required version or newer (and, for a requirement with a reboot, no reboot of that product is
//     pending), or if the same order installs it first. This is checked when the order is made and again just before the
//     install. Unmet at planning: left out with the reason, which is no failure. Unmet at the install because the
//     required patch failed in this order: code 14, which is a failed install (RPT-1); for any other reason:
//     inapplicable, which is none, and if nothing is left then, the order is NotApplicable. A follower's order is
//     planned with an inventory taken after its predecessor ended, and an order that has not begun is planned again when
//     the asset's inventory or pending reboot changes. A reboot that is pending for an unknown cause may be that of any
//     product.
//   - JOB-16. Results: see Result; steps on the way: see Progress; failure codes with the vendor's numbers: see Code.
//   - JOB-19. A job may run after another, when a given share of the other's assets succeeded, or on each asset once that
//     asset verified the predecessor; optionally after a delay, and then at the next time of a schedule of its own (see
//     After). The share counts the assets whose order was not withdrawn and which were not removed, and is reckoned again
//     when an order is withdrawn or an asset removed. In a run that was cancelled or withdrawn as a whole all assets count:
//     stopping a job starts nothing. Deleting a predecessor that enabled jobs wait for is refused unless forced, naming
//     them. With no asset left the follower does not start, and says so; a follower that has not started says why.
//   - JOB-20. A time, zone, window or policy that cannot be understood is refused. It never means "now" or "no limit".
//   - JOB-22. A preview tells for a job and any asset what would happen now and why, changing nothing: Definition.Plan,
//     which also makes the real orders.
//   - JOB-23. A job may allow its downloads before the start, spread over the lead, as part of the download stage: a
//     cancel or withdrawal deletes what was fetched, and integrity is judged the same way.
//   - JOB-24. An order starts at most once on an asset. The agent remembers which orders ended
//     after they had begun, or were cancelled or timed out: id, result and time, for 90 days, the
//     newest 1,000. It answers one that is handed out again with its old result, so a server that
//     was restored from a backup repeats nothing. An order that was withdrawn before it began may
//     be handed out again. An order that the server knows to have begun is never handed to an agent
//     that no longer holds it: it ends as Failed, "the agent lost its state; what it did is not
//     known", and no patch of it counts as a failed install. If the agent's state was put back, and
//     it still carries the order out, its result replaces that. A server that was put back to a
//     backup does not know which agents lost their state since. Its manifest marks each order that
//     it knows to have begun, and an agent that does not know such an order ends it in the same
//     way. Nor does it know what was reported to it since the backup: its acknowledgement shows
//     that, and the agent tells again how far the orders under way are and what became of those
//     that it reported on since.
//   - JOB-25. Stuck is visible: an execution whose stage has lasted longer than expected (2 h by default; a job can set it)
//     is listed with the stage and since when. Waiting for a user, an opening, a slot or an inventory is not stuck;
//     waiting for the source of a download is. An install limit (none by default, at least 10 min) ends an installer
//     politely, then hard, and the patch fails with code 10. Without one, nothing is killed.
//   - JOB-26. A job can include late joiners: an asset that enrols or gets the tag after the orders were made gets its order
//     too, until the run's window ends, or without a window until 24 h after the start (JoinTime). Default: no. Of several
//     runs that still take some, it gets that of the newest. In each asset's own zone that goes by the asset's clock, and
//     whoever comes before the asset's own turn takes part anyway (JOB-9).
//   - JOB-27. A job can give up: after N failed runs (default: never) the patch is left out on that asset with the reason,
//     until a newer version or a named act. An order with nothing left to do for that reason is Failed. An install that never
//     began (code 14) and a result that the agent does not know (code 5) are no failed run.
//     Failed downloads are retried within the window, or without one for 24 h: while no patch of the order is ready to deploy
//     and the source of one could not be reached (code 4), the execution waits in the download stage and tries again after
//     1, 2, 4 … minutes, at most an hour apart, with a new inventory. As soon as one patch is ready, the others go on
//     without what failed (JOB-2). It holds up no other job meanwhile, and tries nothing while another is at work.
//   - RBT-11. A job may reboot for a reboot that is pending already, whoever caused it, even if it installs nothing:
//     Definition.RebootPending. Where none is pending and nothing else is to be done, the order waits until its start,
//     and then ends as NotApplicable. A definition that says so and suppresses its reboot (RBT-7) contradicts itself,
//     and is refused.
package job
