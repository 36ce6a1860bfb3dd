// Package controller is the server's side of patching: it keeps the catalog, turns jobs into orders, answers agents, and
// knows what became of everything. It is a set of use cases over a [Store]. Each loads values, decides with the packages
// catalog, job, ledger and manifest, and writes what changed. It has no clock, no network and no goroutine: every use case
// takes the time as an argument, and its caller runs Sync and Tick when they are due.
//
//	c, err := controller.New(store, controller.Config{Signer: signer})
//	c.Sync(ctx, batches, now)              // every 30 minutes, with what the feeds brought
//	next, err := c.Tick(ctx, now)          // again at next, and whenever a job changed
//	answer, err := c.CheckIn(ctx, in, now) // for each agent's call; manifest/agenthttp brings them
//
// # What each use case guarantees
//
//   - Sync replaces the catalog at once or not at all (CAT-1). Every open order then loses the
//     patches that are deprecated or gone (CAT-9) or are no longer the newest of their only URL (CAT-6).
//   - SaveJob, EnableJob, DisableJob and DeleteJob change a job and everything that follows from it: a planned run, the
//     orders of runs that have not begun, and the manifest revision of every asset concerned (MAN-2).
//   - RunJob runs an enabled job now, by name. Disabling, deleting and editing a job leave its runs that have ended as they are.
//   - Enrol and TagAsset make the orders of an asset in runs that take late joiners (JOB-26).
//   - With a job that gives up, orders leave out what failed too often on the asset. GivenUp lists it, and RetryPatch has it tried
//     again (JOB-27).
//   - CancelRun and CancelJob report for each asset what is known: Cancelled, CancelPending, TooLate with the stage, or
//     Ended. They refuse with *CancelRefused when there is nothing to cancel, say why, and then change nothing (JOB-3).
//   - Tick makes the orders of a run once, however often it is called, by however many servers, and wherever it is cut off.
//     An asset whose inventory is not known yet gets its order in the check-in that brings it.
//   - Probed takes in which URLs of the patches that are marked for their end of life cannot be reached; ProbeURLs lists
//     them. Orders made afterwards leave such patches out, with the reason (CAT-10).
//   - SetCustomURLs sets where the customer supplies the files of Vendor artifacts (CAT-5).
//   - With a signer policy (Config.Policy), orders carry its digest and their clauses. A patch that no clause is about is
//     left out, with the reason (INT-4). An order with an action that the asset's agent does not run is not handed out, and
//     Failed with the reason, if the server knows: the agent runs none, or is held to the same policy (INT-10, MAN-11).
//   - Preview returns what Tick would order, by the same code, and writes nothing (JOB-22).
//   - CheckIn accepts each report exactly once (MAN-6), takes it into its order, and hands out the asset's manifest when
//     the asset holds an older one or its own is about to expire. The manifest of a revision is always the same bytes.
//     With nothing new it only reads. Last calls are kept to the minute (Config.SeenEvery), in a row of their own.
//   - What an asset reports can only change its own orders. Reports that make no sense are accepted into the sequence,
//     since otherwise they would come for ever, and kept as anomalies, the newest 32 per asset.
//   - An asset that two computers call as is listed (Cloned), and given nothing that could start, until one alone has called for
//     24 hours or SettleClone says so (MAN-9). RemoveAsset ends an asset's orders, and its removal reaches the agent (MAN-10).
//   - Enrol uses a token once per asset, and answers the same enrolment the same (its answer may have been lost).
//   - Queries read one consistent state each. Lists are paged by the last key of the page before.
//   - Audit compares every index and counter with what it is a function of.
//
// # Orders and runs
//
// What happens to an order is decided by ledger.Step, and what happens to a run by ledger.StepRun. One transaction loads an
// entry, steps it, and writes it with the difference of its index. What follows for other orders waits in a queue inside
// the transaction, because a follower's order may end at once and start the next (JOB-19).
//
// A change that concerns many assets is one short transaction that marks the run, and then a pass: a chain of transactions
// of Config.Batch assets, each moving the pass's cursor with its work, so that each is safe to repeat. Tick carries on with
// a pass that was cut off. A cancel or a withdrawal holds from the first transaction on: an asset that calls before its
// turn is taken first.
//
// A job that recurs (JOB-9) has one run planned at any time; when that is taken up, the next is planned. Of the runs that
// came due while no server was there only the newest is made, the others are missed (JOB-12). A run that was cancelled
// stays so. An edit makes those orders of a run again that have not begun; a run whose start is past gets no further ones.
//
// Where each asset goes by its own zone, a run is planned while it is ahead on any clock, and taken up when it is due on
// the clock that is ahead of all others. Then it is being made for 26 hours. A pass goes over all assets, makes the orders
// of those whose own start is at most the lead away (MAN-1), and finds out when the next are due; then comes the next pass.
// The run is missed as a whole if a newer one has started everywhere, else asset by asset. A call that reports another zone
// makes the asset's orders again and may make the next pass come sooner. As with any run, an asset that enrols when its turn
// is over waits for the next.
//
// An order that has not begun is planned again when the asset's inventory or pending reboot changes (JOB-14); what a query had
// found stays. One whose patches all wait for what they need waits with them, at most until its start.
//
// A job that runs after another (JOB-19) gets its orders asset by asset, in the check-in that brings the success, or as a
// run of its own at the Tick after enough assets succeeded. With times of its own, the run of the next one is planned then. Success
// is Completed, or NotApplicable: there was nothing to do. The ledger says when a share is to be reckoned again (ledger.Recount),
// and so does the end of a pass that made orders. JobStatus.Waits says why a follower has not started.
//
// # What is stored
//
// Values are JSON under keys that sort as their parts do (tables and keys: keys.go). Orders are frozen when they are made
// (JOB-8); the patches in them are stored once by their SHA-256 and shared, so that a run over many assets stays small.
// The catalog is one compressed text in pieces of 1 MiB, and each server keeps it in memory while it is the newest.
// History is never deleted.
//
// # Rules
//
//   - RPT-1. Failed Patch Installs is one number over the whole account: every patch install that failed. No range of
//     dates applies to it, and it opens nothing. FailedInstalls returns it. A patch counts once per order, by the asset's last
//     report on it; a patch that a cancel kept from being tried (code 8) is not a failed install and does not count.
//   - RPT-2. Beside the number, the failed installs are a list, newest first, filtered by date, asset, patch and code.
//     Failures returns it; without a filter it has as many entries as the number says.
//   - RPT-3. Always answerable: what is missing where (Missing); what failed and why (Failures, RunAssets); who needs a
//     reboot (PendingReboots); which cancels are pending (PendingCancels); which agents have not called (Silent); which
//     feeds are stale (Feeds); what is stuck (Stuck); which identities are cloned (Cloned).
package controller
